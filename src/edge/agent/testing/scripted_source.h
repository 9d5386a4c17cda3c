// For tests: a server that gives tasks and answers as the test says, and keeps what it was told.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/env/clock.h"
#include "edge/agent/task_source.h"

namespace holdfast::agent {

class ScriptedSource final : public TaskSource {
 public:
  explicit ScriptedSource(env::Clock& clock) : clock_(clock) {}

  Co<Result<std::optional<wire::TaskOffer>>> poll(wire::PollRequest request) override {
    std::optional<Result<std::optional<wire::TaskOffer>>> answer;
    {
      const std::lock_guard lock(mutex_);
      ++polls_;
      last_poll_ = request;
      if (!answers_.empty()) {
        answer = std::move(answers_.front());
        answers_.pop_front();
      }
      changed_.notify_all();
    }
    if (!answer) {
      co_await async::sleep_for(clock_, request.patience);
      co_return Error(Code::kCancelled, "nothing came");
    }
    co_return *std::move(answer);
  }
  Co<Result<flow::StopReason>> heartbeat(std::string, Json details) override {
    const std::lock_guard lock(mutex_);
    beats_.push_back(std::move(details));
    changed_.notify_all();
    co_return beat_answer ? beat_answer() : Result<flow::StopReason>(flow::StopReason::kNone);
  }
  Co<Status> complete(wire::Outcome outcome) override {
    const std::lock_guard lock(mutex_);
    outcomes_.push_back(std::move(outcome));
    changed_.notify_all();
    co_return complete_answer ? complete_answer(outcomes_.size()) : Status();
  }

  void offer(Result<std::optional<wire::TaskOffer>> answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
  }
  std::vector<wire::Outcome> wait_for_outcomes(size_t count) {
    return wait([&] { return outcomes_.size() >= count; }), outcomes_;
  }
  std::vector<Json> wait_for_beats(size_t count) {
    return wait([&] { return beats_.size() >= count; }), beats_;
  }
  int wait_for_polls(int count) {
    return wait([&] { return polls_ >= count; }), polls_;
  }
  wire::PollRequest last_poll() {
    const std::lock_guard lock(mutex_);
    return last_poll_;
  }

  std::function<Result<flow::StopReason>()> beat_answer;  // set before it runs
  std::function<Status(size_t count)> complete_answer;

 private:
  template <class F>
  void wait(F until) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, until);
  }

  env::Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Result<std::optional<wire::TaskOffer>>> answers_;
  wire::PollRequest last_poll_;
  int polls_ = 0;
  std::vector<Json> beats_;
  std::vector<wire::Outcome> outcomes_;
};

}  // namespace holdfast::agent

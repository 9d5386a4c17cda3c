// A client of the engine whose n-th call fails, before or after its effect.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "flow/client.h"

namespace holdfast::protect {

class FaultyClient final : public flow::Client {
 public:
  FaultyClient(flow::Client& real, int fail_at, bool after)
      : real_(real), fail_at_(fail_at), after_(after) {}

  int calls() const { return calls_; }
  bool failed() const { return calls_ >= fail_at_; }

  flow::Co<Result<flow::Started>> start(std::string type, flow::WorkflowId id, Json input,
                                        flow::StartOptions options) override {
    return faulty(
        real_.start(std::move(type), std::move(id), std::move(input), std::move(options)));
  }
  flow::Co<Status> signal(flow::RunRef run, std::string name, Json payload,
                          std::string request_id) override {
    return faulty(
        real_.signal(std::move(run), std::move(name), std::move(payload), std::move(request_id)));
  }
  flow::Co<Result<flow::Started>> signal_with_start(std::string type, flow::WorkflowId id,
                                                    Json input, flow::StartOptions options,
                                                    std::string signal, Json payload) override {
    return faulty(real_.signal_with_start(std::move(type), std::move(id), std::move(input),
                                          std::move(options), std::move(signal),
                                          std::move(payload)));
  }
  flow::Co<Result<Json>> update(flow::RunRef run, std::string name, Json args,
                                std::string update_id) override {
    return faulty(
        real_.update(std::move(run), std::move(name), std::move(args), std::move(update_id)));
  }
  flow::Co<Result<Json>> query(flow::RunRef run, std::string name, Json args) override {
    return faulty(real_.query(std::move(run), std::move(name), std::move(args)));
  }
  flow::Co<Status> cancel(flow::RunRef run, std::string reason) override {
    return faulty(real_.cancel(std::move(run), std::move(reason)));
  }
  flow::Co<Status> terminate(flow::RunRef run, std::string reason) override {
    return faulty(real_.terminate(std::move(run), std::move(reason)));
  }
  flow::Co<Result<flow::RunId>> reset(flow::RunRef run, std::int64_t event_id, std::string reason,
                                      std::string request_id) override {
    return faulty(real_.reset(std::move(run), event_id, std::move(reason), std::move(request_id)));
  }
  flow::Co<Result<std::int64_t>> count(flow::ListQuery query) override {
    return faulty(real_.count(std::move(query)));
  }
  flow::Co<Result<flow::RunDescription>> describe(flow::RunRef run) override {
    return faulty(real_.describe(std::move(run)));
  }
  flow::Co<Result<flow::RunPage>> list(flow::ListQuery query) override {
    return faulty(real_.list(std::move(query)));
  }
  flow::Co<Result<std::vector<flow::HistoryEvent>>> history(flow::RunRef run, std::int64_t after,
                                                            int limit) override {
    return real_.history(std::move(run), after, limit);
  }
  flow::Co<Result<Json>> history_json(flow::RunRef run) override {
    return real_.history_json(std::move(run));
  }
  flow::Co<Result<Json>> result(flow::RunRef run) override { return real_.result(std::move(run)); }
  flow::Co<Result<std::vector<flow::HistoryEvent>>> wait_for_events(flow::RunRef run,
                                                                    std::int64_t after,
                                                                    Nanoseconds patience) override {
    return real_.wait_for_events(std::move(run), after, patience);
  }
  std::unique_ptr<flow::Subscription> subscribe(
      std::function<void(const flow::RunChange&)> callback) override {
    return real_.subscribe(std::move(callback));
  }

 private:
  template <class T>
  flow::Co<T> faulty(flow::Co<T> call) {
    const bool fails = ++calls_ == fail_at_;
    if (fails && !after_) {
      co_return Error(Code::kUnavailable, "this call was to fail", Retry::kTransient);
    }
    T answer = co_await std::move(call);
    if (fails) {
      co_return Error(Code::kUnavailable, "the answer of this call was lost", Retry::kTransient);
    }
    co_return answer;
  }

  flow::Client& real_;
  int fail_at_;
  bool after_;
  int calls_ = 0;
};

}  // namespace holdfast::protect

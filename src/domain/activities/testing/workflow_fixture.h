// One workflow on a real engine, with activities that only note what they were asked.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <mutex>

#include "core/async/run.h"
#include "core/db/testing/temp_database.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "flow/embedded/engine.h"

namespace holdfast::activities {

class WorkflowFixture : public testing::Test {
 protected:
  // Sets what an activity answers; what it was asked is kept in asked_.
  void answer(const std::string& name, std::function<Result<Json>(const Json&)> with) {
    answers_[name] = std::move(with);
  }

  void start(const std::string& type, flow::WorkflowFunction workflow, Json input) {
    workflows_.add(type, std::move(workflow));
    for (const auto& [name, with] : answers_) {
      activities_.add(name, [this, called = name](flow::ActivityContext&, const Json& asked) {
        {
          const std::lock_guard lock(mutex_);
          asked_.emplace_back(called, asked);
        }
        return answers_.at(called)(asked);
      });
    }
    engine_ = std::make_unique<flow::embedded::Engine>(*database_, clock_, random_, workflows_,
                                                       activities_);
    ASSERT_TRUE(engine_->start());
    ASSERT_TRUE(async::block_on(
        pool_.executor(),
        engine_->client().start(type, flow::WorkflowId("run_1"), std::move(input), {})));
    engine_->wait_idle(/*activities=*/true);
  }
  // Moves time in steps of 30 s until the run has ended, or 200 steps went by.
  flow::RunDescription run_to_end() {
    for (int i = 0; i < 200 && describe().run.status == flow::RunStatus::kRunning; ++i) {
      engine_->wait_idle(/*activities=*/true);
      clock_.advance(std::chrono::seconds(30));
    }
    return describe();
  }
  // Does the tasks of a queue as an agent would, until the run has ended; what it did, in order.
  std::vector<std::string> serve(const std::string& queue) {
    std::vector<std::string> types;
    while (describe().run.status == flow::RunStatus::kRunning) {
      engine_->wait_idle(/*activities=*/true);
      const auto task = wait(engine_->tasks().poll(queue, "test", Nanoseconds(0)));
      if (!task || !*task) {
        break;
      }
      types.push_back((*task)->info.type);
      const Result<Json> outcome = answers_.at(types.back())((*task)->input);
      EXPECT_TRUE(wait(engine_->tasks().complete((*task)->token, outcome)));
      engine_->wait_idle(/*activities=*/true);
    }
    return types;
  }
  flow::Client& client() { return engine_->client(); }
  template <class T>
  T wait(async::Co<T> co) {
    return async::block_on(pool_.executor(), std::move(co));
  }
  flow::RunDescription describe() {
    return wait(client().describe(flow::ref(flow::WorkflowId("run_1")))).value();
  }
  std::string status_of_step(const flow::RunDescription& run, std::string_view name) {
    for (const Json& step : find(run.run.progress, "steps")->get_array()) {
      if (get_string(step, "name") == name) {
        return get_string(step, "status");
      }
    }
    return "absent";
  }
  int count(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(std::count_if(asked_.begin(), asked_.end(),
                                          [&](const auto& call) { return call.first == name; }));
  }
  Json input_of(std::string_view name) {
    const std::lock_guard lock(mutex_);
    for (const auto& [type, input] : asked_) {
      if (type == name) {
        return input;
      }
    }
    return nullptr;
  }

  env::ManualClock clock_{UtcTime(std::chrono::seconds(1'000'000'000))};

 private:
  std::map<std::string, std::function<Result<Json>(const Json&)>> answers_;
  std::mutex mutex_;
  std::vector<std::pair<std::string, Json>> asked_;
  async::Pool pool_{"test", 1};  // goes after those who post to it
  db::TempDatabase database_{flow::embedded::migrations()};
  env::SeededRandom random_{5};
  flow::WorkflowRegistry workflows_;
  flow::ActivityRegistry activities_;
  std::unique_ptr<flow::embedded::Engine> engine_;
};

}  // namespace holdfast::activities

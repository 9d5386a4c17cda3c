// What the embedded engine costs, as lines of JSON for bench/flow.py.
//
//   flow_bench sequence DIR full|normal RUNS AT_ONCE   runs of five no-op activities
//   flow_bench waiting DIR RUNS                        memory of runs that wait for a signal
//   flow_bench recovery DIR                            a start with the runs that `waiting` left
//   flow_bench replay EVENTS                           history events a second
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include <fmt/core.h>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "flow/embedded/engine.h"
#include "flow/history_json.h"
#include "flow/replay/execution.h"

namespace holdfast::flow {
namespace {

using embedded::Engine;

double seconds_since(MonoTime begin, env::Clock& clock) {
  return std::chrono::duration<double>(clock.mono() - begin).count();
}

[[noreturn]] void stop(const Error& error) {
  fmt::print(stderr, "flow_bench: {}\n", error.to_string());
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    stop(result.error());
  }
  return *std::move(result);
}

Task<Result<Json>> five_steps(WorkflowContext& ctx) {
  for (int i = 0; i < 5; ++i) {
    HF_CO_TRY_VOID(status_of(co_await ctx.activity("nothing", Json(i))));
  }
  co_return Json("done");
}

Task<Result<Json>> waits(WorkflowContext& ctx) { co_return co_await ctx.wait_signal("go"); }

// When the first activity of each run began.
class FirstSteps {
 public:
  void note(const std::string& workflow_id, MonoTime when) {
    const std::lock_guard lock(mutex_);
    first_.emplace(workflow_id, when);
  }
  MonoTime of(const std::string& workflow_id) {
    const std::lock_guard lock(mutex_);
    return first_.at(workflow_id);
  }

 private:
  std::mutex mutex_;
  std::map<std::string, MonoTime> first_;
};

class Bench {
 public:
  Bench(const std::string& directory, db::Durability durability) {
    workflows_.add("five", five_steps);
    workflows_.add("waits", waits);
    activities_.add("nothing", [this](ActivityContext& ctx, const Json& step) -> Result<Json> {
      if (step == Json(0)) {
        first_.note(ctx.info().workflow_id.text(), clock_.mono());
      }
      return Json();
    });
    db::Options how;
    how.durability = durability;
    database_ = must(db::Database::open(directory + "/state.db", embedded::migrations(), how));
    engine_ = std::make_unique<Engine>(*database_, clock_, random_, workflows_, activities_);
    if (Status started = engine_->start(); !started) {
      stop(started.error());
    }
  }

  Client& client() { return engine_->client(); }
  Engine& engine() { return *engine_; }
  env::Clock& clock() { return clock_; }
  FirstSteps& first() { return first_; }
  db::Database& database() { return *database_; }
  template <class T>
  T wait(async::Co<T> co) {
    return async::block_on(calls_.executor(), std::move(co));
  }

 private:
  env::SystemClock clock_;
  env::SystemRandom random_;
  FirstSteps first_;
  WorkflowRegistry workflows_;
  ActivityRegistry activities_;
  async::Pool calls_{"calls", 1};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Engine> engine_;
};

double percentile(std::vector<double>& values, double share) {
  std::ranges::sort(values);
  return values.at(static_cast<std::size_t>(share * static_cast<double>(values.size() - 1)));
}

void spread(int runs, int at_once, const std::function<void(int)>& work) {
  std::vector<std::thread> callers;
  std::atomic<int> next = 0;
  for (int i = 0; i < at_once; ++i) {
    callers.emplace_back([&] {
      for (int n = next++; n < runs; n = next++) {
        work(n);
      }
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
}

int sequence(const std::string& directory, db::Durability durability, int runs, int at_once) {
  Bench bench(directory, durability);
  const std::string prefix = bench.engine().stats().inputs > 0 ? "b" : "a";
  std::vector<double> first(static_cast<std::size_t>(runs));
  std::vector<double> whole(static_cast<std::size_t>(runs));
  const auto before = bench.engine().stats();
  const auto commits = bench.database().stats().commits;
  const MonoTime begin = bench.clock().mono();
  spread(runs, at_once, [&](int n) {
    const std::string id = fmt::format("{}{}-{}", prefix, ::getpid(), n);
    const MonoTime asked = bench.clock().mono();
    must(bench.wait(bench.client().start("five", WorkflowId(id), {}, {})));
    must(bench.wait(bench.client().result(ref(WorkflowId(id)))));
    const auto at = static_cast<std::size_t>(n);
    first[at] = std::chrono::duration<double>(bench.first().of(id) - asked).count();
    whole[at] = seconds_since(asked, bench.clock());
  });
  const double took = seconds_since(begin, bench.clock());
  const auto after = bench.engine().stats();
  fmt::print(
      "{}\n",
      to_text(Json(JsonObject{
          {"runs_per_s", runs / took},
          {"transitions_per_s", static_cast<double>(after.transitions - before.transitions) / took},
          {"transitions_per_run",
           static_cast<double>(after.transitions - before.transitions) / runs},
          {"commits_per_s", static_cast<double>(bench.database().stats().commits - commits) / took},
          {"first_p50_ms", percentile(first, 0.5) * 1000},
          {"first_p99_ms", percentile(first, 0.99) * 1000},
          {"run_p50_ms", percentile(whole, 0.5) * 1000}})));
  return 0;
}

std::int64_t resident_bytes() {
  ::malloc_trim(0);
  std::ifstream statm("/proc/self/statm");
  std::int64_t size = 0;
  std::int64_t resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

int waiting(const std::string& directory, int runs) {
  Bench bench(directory, db::Durability::kNormal);
  const std::int64_t before = resident_bytes();
  spread(runs, 100, [&](int n) {
    must(bench.wait(
        bench.client().start("waits", WorkflowId("wait" + std::to_string(n)), Json(n), {})));
  });
  bench.engine().wait_idle();
  const std::int64_t after = resident_bytes();
  fmt::print("{}\n", to_text(Json(JsonObject{
                         {"runs", runs},
                         {"resident_bytes_per_run", static_cast<double>(after - before) / runs}})));
  return 0;
}

int recovery(const std::string& directory) {
  env::SystemClock clock;
  const MonoTime begin = clock.mono();
  Bench bench(directory, db::Durability::kFull);
  bench.engine().wait_idle();
  const double took = seconds_since(begin, clock);
  ListQuery open;
  open.statuses = {RunStatus::kRunning};
  const std::int64_t runs = must(bench.wait(bench.client().count(open)));
  fmt::print("{}\n", to_text(Json(JsonObject{{"open_runs", runs}, {"seconds", took}})));
  return 0;
}

int replay(int events) {
  WorkflowRegistry workflows;
  workflows.add("many", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    while (true) {
      HF_CO_TRY_VOID(status_of(co_await ctx.activity("nothing", Json(1))));
    }
  });
  // A history as the engine writes it: one activity after the other.
  std::vector<Event> history;
  const auto add = [&history](EventType type, JsonObject attributes) {
    history.push_back({static_cast<std::int64_t>(history.size()) + 1, UtcTime(), type,
                       std::move(attributes), false});
    return history.back().id;
  };
  add(EventType::kWorkflowExecutionStarted, {{"workflowType", {{"name", "many"}}},
                                             {"workflowId", "w"},
                                             {"originalExecutionRunId", "run_1"}});
  for (int n = 1; static_cast<int>(history.size()) < events; ++n) {
    const auto scheduled = add(EventType::kWorkflowTaskScheduled, {});
    const auto started = add(EventType::kWorkflowTaskStarted, {{"scheduledEventId", scheduled}});
    add(EventType::kWorkflowTaskCompleted, {{"startedEventId", started}});
    const auto activity =
        add(EventType::kActivityTaskScheduled,
            {{"activityId", std::to_string(n)}, {"activityType", {{"name", "nothing"}}}});
    const auto begun = add(EventType::kActivityTaskStarted, {{"scheduledEventId", activity}});
    add(EventType::kActivityTaskCompleted,
        {{"scheduledEventId", activity}, {"startedEventId", begun}, {"result", nullptr}});
  }
  const std::string stored = encode_batch(history);
  env::SystemClock clock;
  const auto rate = [&](const std::function<void()>& once) {
    int rounds = 0;
    const MonoTime begin = clock.mono();
    do {
      once();
      ++rounds;
    } while (seconds_since(begin, clock) < 2);
    return rounds * static_cast<double>(history.size()) / seconds_since(begin, clock);
  };
  const auto run = [&workflows](const std::vector<Event>& of) {
    Execution execution(workflows);
    if (Status applied = execution.apply(of); !applied) {
      stop(applied.error());
    }
  };
  const double memory = rate([&] { run(history); });
  const double decoded = rate([&] { run(must(decode_batch(stored))); });
  fmt::print("{}\n", to_text(Json(JsonObject{{"events", history.size()},
                                             {"events_per_s", memory},
                                             {"events_per_s_from_rows", decoded}})));
  return 0;
}

int run(const std::vector<std::string>& words) {
  const auto number = [&words](std::size_t i) { return std::atoi(words.at(i).c_str()); };
  if (words.size() == 5 && words[0] == "sequence") {
    const bool full = words[2] == "full";
    return sequence(words[1], full ? db::Durability::kFull : db::Durability::kNormal, number(3),
                    number(4));
  }
  if (words.size() == 3 && words[0] == "waiting") {
    return waiting(words[1], number(2));
  }
  if (words.size() == 2 && words[0] == "recovery") {
    return recovery(words[1]);
  }
  if (words.size() == 2 && words[0] == "replay") {
    return replay(number(1));
  }
  fmt::print(stderr, "usage: see the head of bench/flow_bench.cc\n");
  return 2;
}

}  // namespace
}  // namespace holdfast::flow

int main(int argc, char** argv) {
  holdfast::set_log_level(holdfast::LogLevel::kError);
  return holdfast::flow::run(std::vector<std::string>(argv + 1, argv + argc));
}

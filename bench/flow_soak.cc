// The embedded engine under a mixed load for a bounded time, for ./dev soak flow: a line of JSON a
// second with what it holds.
//
//   flow_soak DIR SECONDS
//
// The load: sequences of activities (some fail at first), runs that wait for a signal with a timer
// beside it, children, updates, chains that continue as new, tasks that a worker outside polls for,
// lists with filters. Runs are deleted ten seconds after they closed, so that what grows is a leak.
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <fmt/core.h>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "flow/embedded/engine.h"

namespace holdfast::flow {
namespace {

using embedded::Engine;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kCallers = 8;

Task<Result<Json>> sequence(WorkflowContext& ctx) {
  ActivityOptions how;
  how.retry.initial = milliseconds(5);
  ctx.upsert_search_attributes({{"kind", "sequence"}});
  for (int i = 0; i < 3; ++i) {
    HF_CO_TRY_VOID(status_of(co_await ctx.activity("flaky", Json(i), how)));
  }
  const Child child = ctx.child("leaf", ctx.input());
  co_return co_await child.result;
}

Task<Result<Json>> leaf(WorkflowContext& ctx) {
  HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(5)));
  co_return ctx.input();
}

Task<Result<Json>> asked(WorkflowContext& ctx) {
  ctx.set_update("add", [](Json args) -> Task<Result<Json>> { co_return args; });
  HF_CO_TRY(const auto answer, co_await ctx.wait_signal("go", std::chrono::hours(1)));
  co_return answer.value_or(Json());
}

Task<Result<Json>> chain(WorkflowContext& ctx) {
  const std::int64_t left = ctx.input().to_number<std::int64_t>();
  HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(2)));
  co_return left == 0 ? Result<Json>(Json("end")) : ctx.continue_as_new(Json(left - 1));
}

Task<Result<Json>> elsewhere(WorkflowContext& ctx) {
  ActivityOptions how;
  how.queue = "agent";
  co_return co_await ctx.activity("work", ctx.input(), how);
}

[[noreturn]] void stop(const Error& error) {
  fmt::print(stderr, "flow_soak: {}\n", error.to_string());
  std::_Exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) {
    stop(result.error());
  }
  return *std::move(result);
}

class Soak {
 public:
  explicit Soak(std::string directory) : directory_(std::move(directory)) {
    workflows_.add("sequence", sequence);
    workflows_.add("leaf", leaf);
    workflows_.add("asked", asked);
    workflows_.add("chain", chain);
    workflows_.add("elsewhere", elsewhere);
    activities_.add("flaky", [](ActivityContext& ctx, const Json& step) -> Result<Json> {
      ctx.heartbeat(step);
      if (ctx.info().attempt == 1 && step == Json(1)) {
        return Error(Code::kUnavailable, "at first", Retry::kTransient);
      }
      return step;
    });
    db::Options how;
    how.durability = db::Durability::kNormal;
    database_ = must(db::Database::open(directory_ + "/state.db", embedded::migrations(), how));
    embedded::EngineOptions options;
    options.retention = seconds(10);
    options.sweep_pause = seconds(1);
    engine_ =
        std::make_unique<Engine>(*database_, clock_, random_, workflows_, activities_, options);
    if (Status started = engine_->start(); !started) {
      stop(started.error());
    }
  }

  int run(int length) {
    const MonoTime until = clock_.mono() + seconds(length);
    std::vector<std::thread> callers;
    for (int i = 0; i < kCallers; ++i) {
      callers.emplace_back([this, until, i] { load(until, i); });
    }
    callers.emplace_back([this] { work_outside(); });
    for (int second = 1; second <= length; ++second) {
      async::wait_blocking(clock_, seconds(1), {});
      report(second);
    }
    for (int i = 0; i < kCallers; ++i) {
      callers[static_cast<std::size_t>(i)].join();
    }
    finished_ = true;
    callers.back().join();
    return 0;
  }

 private:
  template <class T>
  T wait(async::Co<T> co) {
    return async::block_on(calls_.executor(), std::move(co));
  }

  void load(MonoTime until, int caller) {
    Client& client = engine_->client();
    for (int n = 0; clock_.mono() < until; ++n) {
      const auto id = [&](const char* kind) {
        return WorkflowId(fmt::format("{}-{}-{}", kind, caller, n));
      };
      must(wait(client.start("sequence", id("sequence"), Json(n), {})));
      must(wait(client.start("asked", id("asked"), {}, {})));
      must(wait(client.start("chain", id("chain"), Json(3), {})));
      must(wait(client.start("elsewhere", id("elsewhere"), Json(n), {})));
      must(wait(client.update(ref(id("asked")), "add", Json(n), "")));
      if (Status sent = wait(client.signal(ref(id("asked")), "go", Json(n), "")); !sent) {
        stop(sent.error());
      }
      ListQuery query;
      query.filter = "ExecutionStatus = 'Running' AND kind = 'sequence'";
      query.limit = 20;
      must(wait(client.list(query)));
      for (const char* kind : {"sequence", "asked", "chain", "elsewhere"}) {
        must(wait(client.result(ref(id(kind)))));
        ++runs_;
      }
    }
  }

  void work_outside() {
    while (!finished_) {
      const auto task = must(wait(engine_->tasks().poll("agent", "soak", milliseconds(200))));
      if (task) {
        must(wait(engine_->tasks().heartbeat(task->token, Json(1))));
        if (Status done = wait(engine_->tasks().complete(task->token, task->input)); !done) {
          stop(done.error());
        }
      }
    }
  }

  void report(int second) {
    ::malloc_trim(0);
    std::ifstream statm("/proc/self/statm");
    std::int64_t size = 0;
    std::int64_t resident = 0;
    statm >> size >> resident;
    fmt::print("{}\n",
               to_text(Json(JsonObject{
                   {"second", second},
                   {"runs", runs_.load()},
                   {"resident_bytes", resident * ::sysconf(_SC_PAGESIZE)},
                   {"database_bytes", std::filesystem::file_size(directory_ + "/state.db")}})));
    std::fflush(stdout);
  }

  const std::string directory_;
  env::SystemClock clock_;
  env::SystemRandom random_;
  WorkflowRegistry workflows_;
  ActivityRegistry activities_;
  async::Pool calls_{"calls", 2};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Engine> engine_;
  std::atomic<std::int64_t> runs_ = 0;
  std::atomic<bool> finished_ = false;
};

}  // namespace
}  // namespace holdfast::flow

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: flow_soak DIR SECONDS\n");
    return 2;
  }
  holdfast::set_log_level(holdfast::LogLevel::kError);
  return holdfast::flow::Soak(argv[1]).run(std::atoi(argv[2]));
}

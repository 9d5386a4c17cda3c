// What workers outside ask for and say: polls and heartbeats go to the leases, the end of an
// attempt to its run.
#include <fmt/core.h>

#include "flow/embedded/completion.h"
#include "flow/embedded/engine_state.h"

namespace holdfast::flow::embedded {
namespace {

Error stopped() {
  return {Code::kUnavailable, "the workflow engine is not running", Retry::kTransient};
}

class EmbeddedTasks final : public TaskClient {
 public:
  explicit EmbeddedTasks(Engine::State& engine) : engine_(engine) {}

  Co<Result<std::optional<ActivityTask>>> poll(std::string queue, std::string identity,
                                               Nanoseconds patience) override {
    if (!engine_.running()) {
      co_return stopped();
    }
    if (engine_.serves(queue)) {
      co_return Error(Code::kInvalidArgument,
                      "the tasks of this queue are run by the server itself")
          .with("queue", queue);
    }
    co_return co_await engine_.leases().poll(std::move(queue), std::move(identity), patience);
  }

  Co<Result<HeartbeatAnswer>> heartbeat(std::string token, Json details) override {
    if (!engine_.running()) {
      co_return stopped();
    }
    auto parsed = LeaseToken::parse(token);
    if (!parsed) {
      co_return attempt_is_over();
    }
    co_return co_await engine_.leases().heartbeat(*std::move(parsed), std::move(details));
  }

  Co<Status> complete(std::string token, Result<Json> outcome) override {
    if (!engine_.running()) {
      co_return stopped();
    }
    auto parsed = LeaseToken::parse(token);
    if (!parsed) {
      co_return attempt_is_over();
    }
    const RunId run = parsed->key.run_id;
    HF_CO_TRY(AttemptEnded ended,
              co_await engine_.leases().take_end(*std::move(parsed), std::move(outcome)));
    auto begin = [this, run, ended](auto done) {
      engine_.post(run, {HistoryInput(ended), std::move(done)});
    };
    co_return co_await completion<Status>(std::move(begin));
  }

 private:
  Engine::State& engine_;
};

}  // namespace

std::unique_ptr<TaskClient> make_task_client(Engine::State& state) {
  return std::make_unique<EmbeddedTasks>(state);
}

}  // namespace holdfast::flow::embedded

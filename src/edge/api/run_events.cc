// The engine says that something changed (a flag); the stream looks every 200 ms whether the flag
// is set and then sends the state that holds now. So a burst of changes is one event, and no queue
// can grow.
#include "edge/api/run_events.h"

#include <atomic>

#include "edge/api/handlers.h"

namespace holdfast::api {
namespace {

constexpr Nanoseconds kLook = std::chrono::milliseconds(200);
constexpr Nanoseconds kHeartbeat = std::chrono::seconds(15);

bool has_ended(const Json& run) {
  const std::string status = get_string(run, "status");
  return status != "running" && status != "waiting";
}

}  // namespace

async::Co<void> stream_run(const protect::Services* services, std::string id,
                           std::shared_ptr<net::EventWriter> writer) {
  auto changed = std::make_shared<std::atomic<bool>>(true);
  const std::unique_ptr<flow::Subscription> subscription =
      services->flow.subscribe([changed, id](const flow::RunChange& change) {
        if (change.workflow_id.text() == id) {
          changed->store(true);
        }
      });
  env::Clock& clock = services->server.clock;
  MonoTime last_sent = clock.mono();
  std::int64_t number = 0;
  while (true) {
    if (changed->exchange(false)) {
      const Result<Json> run = co_await load_run(services, id);
      if (!run) {
        co_return;
      }
      const bool ended = has_ended(*run);
      const bool sent =
          co_await writer->send(ended ? "end" : "run", std::to_string(++number), to_text(*run));
      if (!sent || ended) {
        co_return;
      }
      last_sent = clock.mono();
    } else if (clock.mono() - last_sent > kHeartbeat) {
      const bool alive = co_await writer->heartbeat();
      if (!alive) {
        co_return;
      }
      last_sent = clock.mono();
    }
    co_await async::sleep_for(clock, kLook);
  }
}

}  // namespace holdfast::api

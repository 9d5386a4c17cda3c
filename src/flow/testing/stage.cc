#include "flow/testing/stage.h"

#include <fmt/core.h>

#include "core/db/testing/test_store.h"

namespace holdfast::flow::stories {

void pause(Nanoseconds duration) {
  static env::SystemClock clock;
  async::wait_blocking(clock, duration, {});
}

Status Gate::pass(WorkflowContext& ctx) const {
  return ctx.side_effect([state = state_] {
              std::unique_lock lock(state->mutex);
              state->reached = true;
              state->moved.notify_all();
              state->moved.wait(lock, [&] { return state->open; });
              return Json("passed");
            }).has_value()
             ? Status()
             : Status(Error(Code::kInternal, "the gate was not passed"));
}

void Gate::wait_until_reached() const {
  std::unique_lock lock(state_->mutex);
  state_->moved.wait(lock, [this] { return state_->reached; });
}

void Gate::open() const {
  const std::lock_guard lock(state_->mutex);
  state_->open = true;
  state_->moved.notify_all();
}

Stage::~Stage() { join_aside(); }

void Stage::aside(std::function<void()> call) { aside_.emplace_back(std::move(call)); }

void Stage::join_aside() { aside_.clear(); }

Result<Started> Stage::start(const std::string& type, const std::string& id, Json input,
                             StartOptions how) {
  return wait(client().start(type, WorkflowId(prefix + id), std::move(input), std::move(how)));
}

Status Stage::signal(const std::string& id, const std::string& name, Json payload,
                     const std::string& request) {
  return wait(client().signal(run(id), name, std::move(payload), request));
}

Result<Json> Stage::update(const std::string& id, const std::string& name, Json args,
                           const std::string& update_id) {
  return wait(client().update(run(id), name, std::move(args), update_id));
}

Result<Json> Stage::result(const std::string& id) { return wait(client().result(run(id))); }

Result<RunDescription> Stage::describe(const std::string& id) {
  return wait(client().describe(run(id)));
}

Result<Json> Stage::query(const std::string& id, const std::string& name, Json args) {
  return wait(client().query(run(id), name, std::move(args)));
}

Status Stage::cancel(const std::string& id) { return wait(client().cancel(run(id), "test")); }

Status Stage::terminate(const std::string& id) { return wait(client().terminate(run(id), "test")); }

std::vector<HistoryEvent> Stage::history(const std::string& id) {
  const auto events = wait(client().history(run(id), 0, 100'000));
  EXPECT_TRUE(events) << events.error().to_string();
  return events ? *events : std::vector<HistoryEvent>();
}

int Stage::count(const std::string& id, const std::string& type) {
  return static_cast<int>(std::ranges::count(history(id), type, &HistoryEvent::type));
}

void Stage::wait_for(const std::string& id, const std::string& type, int times) {
  std::int64_t seen = 0;
  while (times > 0) {
    const auto events = wait(client().wait_for_events(run(id), seen, seconds(60)));
    ASSERT_TRUE(events) << events.error().to_string();
    ASSERT_FALSE(events->empty()) << "no " << type << " came; " << waits_for(id);
    for (const HistoryEvent& event : *events) {
      times -= event.type == type ? 1 : 0;
      seen = event.id;
    }
  }
}

std::string Stage::waits_for(const std::string& id) {
  const auto described = describe(id);
  if (!described) {
    return described.error().to_string();
  }
  std::string text =
      fmt::format("{}{} is {}, workflow task attempt {}", prefix, id,
                  status_name(described->run.status), described->workflow_task_attempt);
  for (const PendingActivity& activity : described->activities) {
    text += fmt::format("; activity {} ({}, {}) is {}, attempt {}", activity.activity_id,
                        activity.type, activity.queue, activity.state, activity.attempt);
  }
  for (const HistoryEvent& event : history(id)) {
    text += fmt::format("\n{} {} {}", event.id, to_rfc3339(event.time), event.type);
  }
  return text;
}

void Stage::wait_until(const std::string& id,
                       const std::function<bool(const RunDescription&)>& wanted) {
  while (true) {
    const auto described = describe(id);
    ASSERT_TRUE(described) << described.error().to_string();
    if (wanted(*described)) {
      return;
    }
    pause(milliseconds(5));
  }
}

void Stage::check_replay(const std::string& id) {
  const auto json = wait(client().history_json(run(id)));
  ASSERT_TRUE(json) << json.error().to_string();
  const Status replayed = replay_history(*json, workflows);
  EXPECT_TRUE(replayed) << replayed.error().to_string();
}

Storage sqlite_storage() {
  auto temporary = std::make_shared<db::TempDatabase>(embedded::migrations());
  return {temporary, &**temporary};
}

Storage postgres_storage() {
  struct Keeper {
    db::TestStore store{/*postgres=*/true};
    std::unique_ptr<db::Database> database;
  };
  auto keeper = std::make_shared<Keeper>();
  auto opened = keeper->store.open(embedded::migrations());
  EXPECT_TRUE(opened) << opened.error().to_string();
  keeper->database = *std::move(opened);
  return {keeper, keeper->database.get()};
}

std::vector<EmbeddedColumn> embedded_columns() {
  std::vector<EmbeddedColumn> columns = {{"SQLite", sqlite_storage}};
  if (db::PostgresServer::instance() != nullptr) {
    columns.push_back({"PostgreSQL", postgres_storage});
  }
  return columns;
}

EmbeddedStage::~EmbeddedStage() {
  join_aside();
  engine_.reset();
}

void EmbeddedStage::open() {
  embedded::EngineOptions options;
  options.cache_size = cache_size;
  engine_ = std::make_unique<embedded::Engine>(*storage_.database, clock, random, workflows,
                                               activities, options);
  const Status started = engine_->start();
  ASSERT_TRUE(started) << started.error().to_string();
}

void EmbeddedStage::restart() {
  engine_->stop();
  join_aside();
  engine_.reset();
  open();
}

// The run is held by its task, so the call itself is answered later.
void EmbeddedStage::call_during_task(std::function<void()> call) {
  const std::uint64_t before = engine_->stats().inputs;
  aside(std::move(call));
  while (engine_->stats().inputs == before) {
    pause(milliseconds(1));
  }
}

}  // namespace holdfast::flow::stories

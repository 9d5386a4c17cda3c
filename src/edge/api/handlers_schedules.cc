// Handlers of schedules and the ledger of expected runs.
#include <fmt/core.h>

#include <charconv>

#include "domain/inventory/catalog.h"
#include "domain/protect/ledger.h"
#include "domain/protect/schedule_service.h"
#include "edge/api/handlers.h"

namespace holdfast::api {
namespace {

constexpr int kShown = 10;  // rows of the ledger in one schedule's view

Json plain_list(JsonArray items) {
  return JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}};
}

Json pause_view(const protect::ScheduleView& view) {
  if (!view.paused_because) {
    return nullptr;
  }
  JsonObject pause{{"because", *view.paused_because}};
  if (view.pause) {
    pause["by"] = view.pause->by;
    pause["reason"] = view.pause->why;
    pause["at"] = to_rfc3339(view.pause->at);
  }
  return pause;
}

Result<Json> schedule_view(const protect::ScheduleView& view, UtcTime now) {
  const protect::Schedule& schedule = view.schedule;
  HF_TRY(const schedule::Zone zone, schedule::find_zone(schedule.timezone));
  const auto next = schedule::next_after(schedule.entry.rule, zone, now);
  JsonObject row{{"id", schedule.resource.name + "/" + schedule.entry.label},
                 {"resource", schedule.resource.name},
                 {"policy", schedule.policy},
                 {"label", schedule.entry.label},
                 {"schedule", schedule.entry.rule.description},
                 {"retention", schedule.entry.retention},
                 {"timezone", schedule.timezone},
                 {"next", next ? Json(to_rfc3339(*next)) : Json()},
                 {"next_local", next ? Json(zone.text(*next)) : Json()},
                 {"next_start", nullptr},
                 {"paused", pause_view(view)}};
  if (next) {
    HF_TRY(const UtcTime start, protect::start_of(schedule, *next));
    row["next_start"] = to_rfc3339(start);
  }
  add_fire_rules(row, schedule.entry.fire);
  return Json(std::move(row));
}

Result<JsonArray> schedule_rows(db::Connection& sql, const protect::ServerContext& server) {
  JsonArray rows;
  HF_TRY(const auto views, protect::view_schedules(sql, server));
  for (const protect::ScheduleView& view : views) {
    HF_TRY(Json row, schedule_view(view, server.clock.now()));
    rows.push_back(std::move(row));
  }
  return rows;
}

// One schedule with what is open in the ledger and how the last runs went.
Result<Json> whole_schedule(db::Connection& sql, const protect::ServerContext& server,
                            const protect::ScheduleView& view) {
  HF_TRY(Json row, schedule_view(view, server.clock.now()));
  protect::LedgerQuery query;
  query.resource = view.schedule.resource.id.text();
  query.label = view.schedule.entry.label;
  query.limit = kShown;
  HF_TRY(const auto newest, protect::list_expected(sql, query));
  JsonArray runs;
  for (const protect::ExpectedRun& run : newest) {
    runs.push_back(expected_run_view(run));
  }
  row.get_object()["runs"] = std::move(runs);
  return row;
}

protect::ScheduleName name_of(const Call& call) {
  return {call.path_value("resource"), call.path_value("label")};
}

// The next occurrences of every schedule of a resource (or of all), soonest first.
Result<JsonArray> next_rows(db::Connection& sql, const protect::ServerContext& server,
                            const std::string& only, size_t count) {
  std::multimap<UtcTime, JsonObject> soonest;
  HF_TRY(const auto views, protect::view_schedules(sql, server));
  for (const protect::ScheduleView& view : views) {
    const auto& [resource, policy, timezone, entry] = view.schedule;
    if ((!only.empty() && only != resource.name && only != resource.id.text()) ||
        view.paused_because) {
      continue;
    }
    HF_TRY(const schedule::Zone zone, schedule::find_zone(timezone));
    auto next = schedule::next_after(entry.rule, zone, server.clock.now());
    for (size_t i = 0; i < count && next; ++i) {
      soonest.emplace(
          *next,
          JsonObject{{"id", fmt::format("{}/{}/{}", resource.name, entry.label, to_rfc3339(*next))},
                     {"resource", resource.name},
                     {"policy", policy},
                     {"label", entry.label},
                     {"due_at", to_rfc3339(*next)},
                     {"local", zone.text(*next)},
                     {"timezone", timezone},
                     {"status", "expected"}});
      next = schedule::next_after(entry.rule, zone, *next);
    }
  }
  JsonArray rows;
  for (auto& [due, row] : soonest) {
    if (rows.size() < count) {
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace

async::Co<Result<Json>> list_schedules(Call call) {
  const protect::ServerContext* server = &call.server();
  HF_CO_TRY(JsonArray rows, co_await server->db.read([server](db::Connection& sql) {
    return schedule_rows(sql, *server);
  }));
  co_return plain_list(std::move(rows));
}

async::Co<Result<Json>> next_runs(Call call) {
  const protect::ServerContext* server = &call.server();
  const std::string text = call.request->query_or("count", "10");
  size_t count = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (failure != std::errc() || end != text.data() + text.size() || count < 1 || count > 100) {
    co_return Error(Code::kInvalidArgument, "count must be a number from 1 to 100");
  }
  const std::string resource = call.request->query_or("resource", "");
  HF_CO_TRY(JsonArray rows, co_await server->db.read([=](db::Connection& sql) {
    return next_rows(sql, *server, resource, count);
  }));
  co_return plain_list(std::move(rows));
}

async::Co<Result<Json>> list_expected_runs(Call call) {
  HF_CO_TRY(const int limit, call.limit());
  protect::LedgerQuery query;
  query.limit = limit;
  query.status = call.request->query_or("status", "");
  query.resource = call.request->query_or("resource", "");
  query.after_id = call.request->query_or("cursor", "");
  HF_CO_TRY(const auto rows, co_await call.server().db.read([query](db::Connection& sql) {
    return protect::list_expected(sql, query);
  }));
  JsonArray items;
  for (const protect::ExpectedRun& row : rows) {
    items.push_back(expected_run_view(row));
  }
  co_return page(std::move(items), limit);
}

async::Co<Result<Json>> get_schedule(Call call) {
  const protect::ServerContext* server = &call.server();
  const protect::ScheduleName name = name_of(call);
  co_return co_await server->db.read([=](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto view, protect::view_schedule(sql, *server, name.resource, name.label));
    return whole_schedule(sql, *server, view);
  });
}

async::Co<Result<Json>> pause_schedule(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"reason"}));
  HF_CO_TRY(const auto view,
            co_await protect::pause_schedule(*call.services, call.caller, name_of(call),
                                             get_string(call.body, "reason")));
  co_return schedule_view(view, call.server().clock.now());
}

async::Co<Result<Json>> resume_schedule(Call call) {
  HF_CO_TRY_VOID(call.only_fields({}));
  HF_CO_TRY(const auto view,
            co_await protect::resume_schedule(*call.services, call.caller, name_of(call)));
  co_return schedule_view(view, call.server().clock.now());
}

async::Co<Result<Json>> trigger_schedule(Call call) {
  HF_CO_TRY_VOID(call.only_fields({}));
  HF_CO_TRY(const auto row,
            co_await protect::trigger_schedule(*call.services, call.caller, name_of(call)));
  co_return expected_run_view(row);
}

async::Co<Result<Json>> backfill_schedule(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"from", "to"}));
  std::vector<Problem> problems;
  ObjectReader reader(call.body, "", problems);
  UtcTime times[2];
  const char* names[2] = {"from", "to"};
  for (int i = 0; i < 2; ++i) {
    const std::string text = reader.string(names[i]);
    const auto time = parse_rfc3339(text, /*assume_utc=*/true);
    if (time) {
      times[i] = *time;
    } else if (!text.empty()) {
      reader.problem(names[i], time.error().message());
    }
  }
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  HF_CO_TRY(const auto rows, co_await protect::backfill_schedule(
                                 *call.services, call.caller, name_of(call), times[0], times[1]));
  JsonArray items;
  for (const protect::ExpectedRun& row : rows) {
    items.push_back(expected_run_view(row));
  }
  co_return plain_list(std::move(items));
}

}  // namespace holdfast::api

#include "domain/protect/schedule_service.h"

#include <fmt/core.h>

#include <algorithm>

#include "domain/protect/fire.h"
#include "domain/protect/noted.h"

namespace holdfast::protect {
namespace {

constexpr std::size_t kMostBackfilled = 500;

Status note_on(db::Connection& sql, const ServerContext& server, const Caller& caller,
               std::string action, const Schedule& schedule, std::string detail) {
  return note(sql, server, caller,
              {.action = std::move(action),
               .target = schedule.resource.name + "/" + schedule.entry.label,
               .detail = std::move(detail)});
}

Result<ScheduleView> view_of(db::Connection& sql, Schedule schedule) {
  HF_TRY(const auto state,
         find_schedule_state(sql, schedule.resource.id.text(), schedule.entry.label));
  ScheduleView view;
  view.pause = state ? state->pause : std::nullopt;
  view.paused_because = paused_because(schedule, view.pause);
  view.schedule = std::move(schedule);
  return view;
}

// Counts what came due until now under the old pause, then changes the pause.
Status set_pause(db::Connection& sql, const ServerContext& server, const Schedule& schedule,
                 std::optional<Pause> pause, UtcTime now) {
  HF_TRY_VOID(settle_one(sql, server, schedule, now));
  HF_TRY(auto state, find_schedule_state(sql, schedule.resource.id.text(), schedule.entry.label));
  if (!state) {
    return Error(Code::kInternal, "a settled schedule has no state");
  }
  state->pause = std::move(pause);
  return put_schedule_state(sql, *state);
}

Status check_why(const std::string& why) {
  if (why.empty() || why.size() > 500) {
    return to_error({{"/reason", why.empty() ? "is required: say why, for those who find it paused"
                                             : "must be at most 500 bytes long"}});
  }
  return {};
}

// The occurrence has a run, or will have one.
Result<bool> is_covered(db::Connection& sql, const Schedule& schedule, UtcTime due) {
  HF_TRY(const auto row,
         sql.one("SELECT COUNT(*) FROM expected_runs WHERE resource_id = ?1 AND label = ?2 AND "
                 "due_at = ?3 AND status IN ('expected', 'started', 'completed', 'partial')",
                 schedule.resource.id.text(), schedule.entry.label, due));
  return row->integer(0) > 0;
}

Result<std::vector<UtcTime>> backfilled_times(const Schedule& schedule, UtcTime from, UtcTime to,
                                              UtcTime now) {
  if (from >= to || to > now) {
    return to_error(
        {{from >= to ? "/from" : "/to", from >= to ? "must be before 'to'"
                                                   : "must not be in the future: the scheduler "
                                                     "runs what is to come by itself"}});
  }
  HF_TRY(const schedule::Zone zone, schedule::find_zone(schedule.timezone));
  auto times = schedule::occurrences(schedule.entry.rule, zone, from, to, kMostBackfilled + 1);
  if (times.size() > kMostBackfilled) {
    return to_error({{"/from", fmt::format("there are more than {} occurrences in this time: "
                                           "backfill it in parts",
                                           kMostBackfilled)}});
  }
  return times;
}

Result<std::vector<ExpectedRun>> rows_of_batch(db::Connection& sql, const std::string& batch) {
  LedgerQuery query;
  query.batch = batch;
  query.oldest_first = true;
  query.limit = static_cast<int>(kMostBackfilled);
  return list_expected(sql, query);
}

}  // namespace

Result<std::vector<ScheduleView>> view_schedules(db::Connection& sql,
                                                 const ServerContext& context) {
  std::vector<ScheduleView> views;
  HF_TRY(const auto schedules, list_all_schedules(sql, context));
  for (const Schedule& schedule : schedules) {
    HF_TRY(ScheduleView view, view_of(sql, schedule));
    views.push_back(std::move(view));
  }
  return views;
}

Result<ScheduleView> view_schedule(db::Connection& sql, const ServerContext& context,
                                   const std::string& resource, const std::string& label) {
  HF_TRY(Schedule schedule, find_schedule(sql, context, resource, label));
  return view_of(sql, std::move(schedule));
}

async::Co<Result<ScheduleView>> pause_schedule(const Services& services, Caller caller,
                                               ScheduleName name, std::string why) {
  const ServerContext* server = &services.server;
  HF_CO_TRY_VOID(check_why(why));
  const UtcTime now = server->clock.now();
  co_return co_await server->db.write([=](db::Connection& sql) -> Result<ScheduleView> {
    HF_TRY(const Schedule schedule, find_schedule(sql, *server, name.resource, name.label));
    HF_TRY_VOID(set_pause(sql, *server, schedule, Pause{caller.principal.name, why, now}, now));
    HF_TRY_VOID(note_on(sql, *server, caller, "schedule.paused", schedule, why));
    return view_of(sql, schedule);
  });
}

async::Co<Result<ScheduleView>> resume_schedule(const Services& services, Caller caller,
                                                ScheduleName name) {
  const ServerContext* server = &services.server;
  const UtcTime now = server->clock.now();
  HF_CO_TRY(const ScheduleView resumed,
            co_await server->db.write([=](db::Connection& sql) -> Result<ScheduleView> {
              HF_TRY(const ScheduleView before,
                     view_schedule(sql, *server, name.resource, name.label));
              if (before.schedule.entry.fire.paused) {
                return Error(Code::kFailedPrecondition,
                             fmt::format("policy '{}' pauses this schedule: apply it without "
                                         "'paused: true'",
                                         before.schedule.policy));
              }
              if (!before.pause) {
                return before;
              }
              HF_TRY_VOID(set_pause(sql, *server, before.schedule, std::nullopt, now));
              HF_TRY_VOID(note_on(sql, *server, caller, "schedule.resumed", before.schedule, ""));
              return view_of(sql, before.schedule);
            }));
  server->wake->store(true);
  co_return resumed;
}

async::Co<Result<ExpectedRun>> trigger_schedule(const Services& services, Caller caller,
                                                ScheduleName name) {
  const ServerContext* server = &services.server;
  flow::Client* client = &services.flow;
  const UtcTime now = server->clock.now();
  const std::string id = caller.run_id.empty() ? server->new_id("run_") : caller.run_id;
  auto overlap = std::make_shared<Overlap>(Overlap::kQueue);
  HF_CO_TRY(const ExpectedRun row,
            co_await server->db.write([=](db::Connection& sql) -> Result<ExpectedRun> {
              HF_TRY(const Schedule schedule,
                     find_schedule(sql, *server, name.resource, name.label));
              const bool replaces = schedule.entry.fire.overlap == Overlap::kReplace;
              *overlap = replaces ? Overlap::kReplace : Overlap::kQueue;
              ExpectedRun wanted = expected_row(schedule, id, now);
              wanted.origin = "trigger";
              HF_TRY(const bool written, expect_run(sql, wanted));
              if (written) {
                HF_TRY_VOID(note_on(sql, *server, caller, "schedule.triggered", schedule, id));
              }
              HF_TRY(const auto found, find_expected(sql, id));
              return found.value_or(wanted);
            }));
  if (row.status == "expected") {
    HF_CO_TRY_VOID(status_of(co_await fire(*server, *client, row, *overlap)));
  }
  server->wake->store(true);
  HF_CO_TRY(const auto fired,
            co_await server->db.read([id](db::Connection& sql) { return find_expected(sql, id); }));
  co_return fired.value_or(row);
}

async::Co<Result<std::vector<ExpectedRun>>> backfill_schedule(const Services& services,
                                                              Caller caller, ScheduleName name,
                                                              UtcTime from, UtcTime to) {
  const ServerContext* server = &services.server;
  const UtcTime now = server->clock.now();
  const std::string batch = caller.run_id.empty() ? server->new_id("run_") : caller.run_id;
  HF_CO_TRY(const auto rows,
            co_await server->db.write([=](db::Connection& sql) -> Result<std::vector<ExpectedRun>> {
              HF_TRY(const auto before, rows_of_batch(sql, batch));
              if (!before.empty()) {  // asked before, and the answer was lost
                return before;
              }
              HF_TRY(const Schedule schedule,
                     find_schedule(sql, *server, name.resource, name.label));
              HF_TRY(const auto times, backfilled_times(schedule, from, to, now));
              for (const UtcTime due : times) {
                HF_TRY(const bool covered, is_covered(sql, schedule, due));
                if (covered) {
                  continue;
                }
                ExpectedRun row = expected_row(schedule, server->new_id("run_"), due);
                row.origin = "backfill";
                row.batch = batch;
                HF_TRY_VOID(status_of(expect_run(sql, row)));
              }
              HF_TRY_VOID(note_on(sql, *server, caller, "schedule.backfilled", schedule,
                                  fmt::format("{} to {}", to_rfc3339(from), to_rfc3339(to))));
              return rows_of_batch(sql, batch);
            }));
  server->wake->store(true);
  co_return rows;
}

}  // namespace holdfast::protect

// A pass: lease, write ahead, record missed, start due, reconcile.
//
// Catch-up. When the server was away, of the rows that came due meanwhile the newest of each
// schedule is started late; the older ones are recorded as missed, and so are occurrences for which
// no row had been written. The schedule itself never shifts.
#include "domain/protect/scheduler.h"

#include <fmt/core.h>

#include <map>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/lease.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/start_run.h"

namespace holdfast::protect {
namespace {

constexpr Nanoseconds kLeaseTime = std::chrono::seconds(90);
constexpr int kMaxPerPass = 500;
// Occurrences that are looked back for when the server was away.
constexpr std::size_t kMaxMissed = 400;

// Writes the ledger for one schedule of one resource: missed occurrences since its last row, and
// the next one ahead.
Status expect_schedule(db::Connection& sql, const ServerContext& context,
                       const inventory::Resource& resource, const Policy& policy,
                       const ScheduleEntry& entry, UtcTime now, Scheduler::Pass& pass) {
  HF_TRY(const schedule::Zone zone, schedule::find_zone(policy.timezone));
  HF_TRY(const auto last,
         sql.one("SELECT MAX(due_at) FROM expected_runs WHERE resource_id = ?1 AND label = ?2",
                 resource.id.text(), entry.label));
  const auto row_for = [&](UtcTime due) {
    ExpectedRun run;
    run.id = context.new_id("run_");
    run.resource_id = resource.id.text();
    run.resource_name = resource.name;
    run.policy = policy.name;
    run.label = entry.label;
    run.due_at = due;
    run.timezone = policy.timezone;
    return run;
  };
  if (last && !last->is_null(0)) {
    const auto missed =
        schedule::occurrences(entry.rule, zone, last->time(0) + Nanoseconds(1), now, kMaxMissed);
    for (const UtcTime due : missed) {
      HF_TRY_VOID(status_of(expect_run(sql, row_for(due))));
    }
  }
  if (const auto next = schedule::next_after(entry.rule, zone, now)) {
    HF_TRY(const bool written, expect_run(sql, row_for(*next)));
    pass.expected += written ? 1 : 0;
    pass.next_due = std::min(pass.next_due, *next);
  }
  return {};
}

Status write_ahead(db::Connection& sql, const ServerContext& context, UtcTime now,
                   Scheduler::Pass& pass) {
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& resource : resources) {
    HF_TRY(const Policy policy, policy_of(sql, resource, context.timezone));
    for (const ScheduleEntry& entry : policy.schedules) {
      HF_TRY_VOID(expect_schedule(sql, context, resource, policy, entry, now, pass));
    }
  }
  return {};
}

// Of the rows that are due, all but the newest of each schedule are recorded as missed; returns the
// ones to start.
Result<std::vector<ExpectedRun>> due_rows(db::Connection& sql, UtcTime now, Scheduler::Pass& pass) {
  LedgerQuery query;
  query.status = "expected";
  query.until = now + Nanoseconds(1);
  query.limit = kMaxPerPass;
  HF_TRY(const auto rows, list_expected(sql, query));  // newest first
  std::map<std::pair<std::string, std::string>, bool> seen;
  std::vector<ExpectedRun> due;
  for (const ExpectedRun& row : rows) {
    if (!seen.emplace(std::pair(row.resource_id, row.label), true).second) {
      HF_TRY_VOID(
          mark_ended(sql, row.id, "missed", "the server was not running when it was due", now));
      ++pass.missed;
      continue;
    }
    due.push_back(row);
  }
  return due;
}

}  // namespace

Scheduler::Scheduler(const ServerContext& context, flow::Client& client, std::string holder)
    : context_(context), client_(client), holder_(std::move(holder)) {}

async::Co<Result<int>> Scheduler::start_due(Pass* pass, UtcTime now) {
  HF_CO_TRY(const auto due, co_await context_.db.write([pass, now](db::Connection& sql) {
    return due_rows(sql, now, *pass);
  }));
  for (const ExpectedRun& row : due) {
    HF_CO_TRY(const bool open, co_await has_open_run(client_, "scheduled_backup", row.resource_id));
    if (open) {
      const std::string id = row.id;
      HF_CO_TRY_VOID(co_await context_.db.write([id, now](db::Connection& sql) {
        return mark_ended(sql, id, "skipped", "the backup before it was still running", now);
      }));
      ++pass->skipped;
      continue;
    }
    RunRequest request;
    request.workflow = "scheduled_backup";
    request.run_id = row.id;
    request.resource_id = row.resource_id;
    request.resource_name = row.resource_name;
    request.trigger = "schedule";
    request.parameters =
        JsonObject{{"resource", row.resource_id}, {"label", row.label}, {"manual", false}};
    HF_CO_TRY_VOID(status_of(co_await start_run(client_, request)));
    const std::string id = row.id;
    HF_CO_TRY_VOID(co_await context_.db.write(
        [id, now](db::Connection& sql) { return mark_started(sql, id, now); }));
    log_info("schedule.started",
             {{"run", row.id}, {"resource", row.resource_name}, {"label", row.label}});
    ++pass->started;
  }
  co_return 0;
}

// Closes rows whose run has ended without saying so (terminated, failed before it began).
async::Co<Result<int>> Scheduler::reconcile() {
  LedgerQuery query;
  query.status = "started";
  query.limit = kMaxPerPass;
  query.oldest_first = true;
  HF_CO_TRY(const auto rows, co_await context_.db.read([query](db::Connection& sql) {
    return list_expected(sql, query);
  }));
  int closed = 0;
  for (const ExpectedRun& row : rows) {
    const auto run = co_await client_.describe(flow::ref(flow::WorkflowId(row.id)));
    if (run && run->run.status == flow::RunStatus::kRunning) {
      continue;
    }
    if (!run && run.error().code() != Code::kNotFound) {
      co_return run.error();
    }
    const bool completed = run && run->run.status == flow::RunStatus::kCompleted;
    const std::string detail =
        run ? std::string(flow::status_name(run->run.status)) : "its run is not known";
    const UtcTime now = context_.clock.now();
    HF_CO_TRY_VOID(
        co_await context_.db.write([id = row.id, completed, detail, now](db::Connection& sql) {
          return mark_ended(sql, id, completed ? "completed" : "failed", detail, now);
        }));
    ++closed;
  }
  co_return closed;
}

async::Co<Result<Scheduler::Pass>> Scheduler::pass() {
  auto pass = std::make_unique<Pass>();
  Pass* out = pass.get();
  const UtcTime now = context_.clock.now();
  HF_CO_TRY(out->leader, co_await context_.db.write([this, now](db::Connection& sql) {
    return take_lease(sql, "scheduler", holder_, now, now + kLeaseTime);
  }));
  if (!out->leader) {
    co_return *out;
  }
  HF_CO_TRY_VOID(co_await context_.db.write(
      [this, now, out](db::Connection& sql) { return write_ahead(sql, context_, now, *out); }));
  HF_CO_TRY_VOID(status_of(co_await start_due(out, now)));
  HF_CO_TRY(out->reconciled, co_await reconcile());
  static Counter& missed =
      counter("holdfast_expected_runs_missed_total", "Expected runs that never started");
  missed.add(out->missed);
  co_return *out;
}

}  // namespace holdfast::protect

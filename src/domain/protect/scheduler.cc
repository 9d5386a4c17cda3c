// A pass: lease, settle the ledger, close rows of runs that ended, fire what is due.
#include "domain/protect/scheduler.h"

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "domain/protect/fire.h"
#include "domain/protect/lease.h"

namespace holdfast::protect {
namespace {

constexpr Nanoseconds kLeaseTime = std::chrono::seconds(90);
constexpr int kMaxPerPass = 500;
// How soon a pass looks again whether the run that others wait for has ended.
constexpr Nanoseconds kLookAgain = std::chrono::seconds(2);

}  // namespace

Scheduler::Scheduler(const ServerContext& context, flow::Client& client, std::string holder)
    : context_(context), client_(client), holder_(std::move(holder)) {}

async::Co<void> Scheduler::fire_due(DueRun due, Pass* pass) {
  const auto fired = co_await fire(context_, client_, due.row, due.overlap);
  if (!fired) {
    ++pass->failed;
    log_error("schedule.not_started", {{"run", due.row.id},
                                       {"resource", due.row.resource_name},
                                       {"label", due.row.label},
                                       {"error", fired.error().to_string()}});
    co_return;
  }
  switch (*fired) {
    case Fired::kStarted:
      ++pass->started;
      break;
    case Fired::kSkipped:
      ++pass->skipped;
      break;
    case Fired::kReplaced:
      ++pass->replaced;
      ++pass->queued;
      break;
    case Fired::kQueued:
      ++pass->queued;
      break;
    case Fired::kFailed:
      ++pass->failed;
      break;
  }
}

// Whether the row was closed: its run has ended without saying so (terminated, failed before it
// began). A run that the engine does not know was claimed and never started: it is started now.
async::Co<Result<bool>> Scheduler::reconcile_row(ExpectedRun row) {
  const auto run = co_await client_.describe(flow::ref(flow::WorkflowId(row.id)));
  if (!run && run.error().code() == Code::kNotFound) {
    HF_CO_TRY_VOID(co_await start_claimed(client_, row));
    co_return false;
  }
  HF_CO_TRY_VOID(status_of(run));
  if (run->run.status == flow::RunStatus::kRunning) {
    co_return false;
  }
  const bool completed = run->run.status == flow::RunStatus::kCompleted;
  const std::string detail(flow::status_name(run->run.status));
  const UtcTime now = context_.clock.now();
  HF_CO_TRY_VOID(
      co_await context_.db.write([id = row.id, completed, detail, now](db::Connection& sql) {
        return mark_ended(sql, id, completed ? "completed" : "failed", detail, now);
      }));
  co_return true;
}

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
    HF_CO_TRY(const bool ended, co_await reconcile_row(row));
    closed += ended ? 1 : 0;
  }
  co_return closed;
}

async::Co<Status> Scheduler::resign() {
  co_return co_await context_.db.write(
      [this](db::Connection& sql) { return release_lease(sql, "scheduler", holder_); });
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
  HF_CO_TRY(const Settled settled,
            co_await context_.db.write([this, now](db::Connection& sql) -> Result<Settled> {
              Settled made;
              HF_TRY_VOID(settle_all(sql, context_, now, made));
              return made;
            }));
  out->expected = settled.expected;
  out->missed = settled.missed;
  out->skipped = settled.skipped;
  out->next_due = settled.next_due;
  HF_CO_TRY(out->reconciled, co_await reconcile());
  for (const DueRun& due : settled.due) {
    co_await fire_due(due, out);
  }
  if (out->queued > 0 || out->failed > 0) {
    out->next_due = std::min(out->next_due, now + kLookAgain);
  }
  static Counter& missed =
      counter("holdfast_expected_runs_missed_total", "Expected runs that never started");
  missed.add(out->missed);
  co_return *out;
}

}  // namespace holdfast::protect

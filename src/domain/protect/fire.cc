#include "domain/protect/fire.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/log.h"
#include "domain/protect/start_run.h"

namespace holdfast::protect {
namespace {

constexpr std::string_view kWorkflow = "scheduled_backup";
constexpr int kMostOpen = 100;

// A run of the resource that has not ended.
struct Blocker {
  std::string run_id;
  bool same_schedule = false;
};

Result<std::vector<Blocker>> started_rows(db::Connection& sql, const ExpectedRun& row) {
  LedgerQuery query;
  query.status = "started";
  query.resource = row.resource_id;
  HF_TRY(const auto rows, list_expected(sql, query));
  std::vector<Blocker> blockers;
  for (const ExpectedRun& other : rows) {
    blockers.push_back({other.id, other.label == row.label});
  }
  return blockers;
}

// Open runs that the ledger does not know (manual ones) beside those that it has as started. The
// ledger comes first: it is exact, while a list of the engine may lag behind.
async::Co<Result<std::vector<Blocker>>> find_blockers(const ServerContext* context,
                                                      flow::Client* client, ExpectedRun row) {
  HF_CO_TRY(auto blockers, co_await context->db.read(
                               [row](db::Connection& sql) { return started_rows(sql, row); }));
  flow::ListQuery query;
  query.statuses = {flow::RunStatus::kRunning};
  query.type = kWorkflow;
  query.attributes = {{"resource_id", Json(row.resource_id)}};
  query.limit = kMostOpen;
  HF_CO_TRY(const flow::RunPage page, co_await client->list(query));
  for (const flow::RunSummary& open : page.runs) {
    const std::string id = open.workflow_id.text();
    const bool known = std::any_of(blockers.begin(), blockers.end(),
                                   [&](const Blocker& blocker) { return blocker.run_id == id; });
    HF_CO_TRY(const auto listed, co_await context->db.read(
                                     [id](db::Connection& sql) { return find_expected(sql, id); }));
    if (!known && !listed) {
      blockers.push_back({id, false});
    }
  }
  std::erase_if(blockers, [&](const Blocker& blocker) { return blocker.run_id == row.id; });
  co_return blockers;
}

async::Co<Status> queue(const ServerContext* context, std::string id, std::string detail) {
  const UtcTime now = context->clock.now();
  co_return co_await context->db.write(
      [=](db::Connection& sql) { return mark_queued(sql, id, detail, now); });
}

// Asks the run to stop, once; that it has ended meanwhile is as good.
async::Co<Result<Fired>> replace(const ServerContext* context, flow::Client* client,
                                 ExpectedRun row, std::string other) {
  const std::string detail = fmt::format("replaces run {}, which was asked to stop", other);
  if (row.detail == detail) {
    co_return Fired::kQueued;
  }
  const Status asked =
      co_await client->cancel(flow::ref(flow::WorkflowId(other)),
                              fmt::format("replaced by the run due {}", to_rfc3339(row.due_at)));
  if (!asked && asked.error().code() != Code::kFailedPrecondition &&
      asked.error().code() != Code::kNotFound) {
    co_return asked.error();
  }
  HF_CO_TRY_VOID(co_await queue(context, row.id, detail));
  co_return Fired::kReplaced;
}

async::Co<Result<Fired>> yield_to(const ServerContext* context, flow::Client* client,
                                  ExpectedRun row, Overlap overlap, Blocker blocker) {
  if (blocker.same_schedule && overlap == Overlap::kSkip) {
    const UtcTime now = context->clock.now();
    const NotRun why{"skipped", "overlap",
                     fmt::format("the run before it was still running: {}", blocker.run_id)};
    HF_CO_TRY_VOID(co_await context->db.write(
        [=](db::Connection& sql) { return mark_not_run(sql, row.id, why, now); }));
    co_return Fired::kSkipped;
  }
  if (blocker.same_schedule && overlap == Overlap::kReplace) {
    co_return co_await replace(context, client, row, blocker.run_id);
  }
  HF_CO_TRY_VOID(
      co_await queue(context, row.id, fmt::format("waits for run {} to end", blocker.run_id)));
  co_return Fired::kQueued;
}

async::Co<Result<Fired>> start_free(const ServerContext* context, flow::Client* client,
                                    ExpectedRun row) {
  const UtcTime now = context->clock.now();
  HF_CO_TRY(const bool claimed, co_await context->db.write([row, now](db::Connection& sql) {
    return claim_start(sql, row, now);
  }));
  if (!claimed) {  // somebody else was faster, with this row or another one
    HF_CO_TRY(const auto current, co_await context->db.read([row](db::Connection& sql) {
      return find_expected(sql, row.id);
    }));
    co_return current && current->status == "started" ? Fired::kStarted : Fired::kQueued;
  }
  const Status started = co_await start_claimed(*client, row);
  if (!started && started.error().retry() == Retry::kPermanent) {
    const std::string why = started.error().to_string();
    HF_CO_TRY_VOID(co_await context->db.write(
        [=](db::Connection& sql) { return mark_ended(sql, row.id, "failed", why, now); }));
    co_return Fired::kFailed;
  }
  HF_CO_TRY_VOID(started);
  log_info("schedule.started", {{"run", row.id},
                                {"resource", row.resource_name},
                                {"label", row.label},
                                {"origin", row.origin}});
  co_return Fired::kStarted;
}

async::Co<Result<Fired>> fire_row(const ServerContext* context, flow::Client* client,
                                  ExpectedRun row, Overlap overlap) {
  HF_CO_TRY(const auto blockers, co_await find_blockers(context, client, row));
  if (blockers.empty()) {
    co_return co_await start_free(context, client, row);
  }
  const auto own = std::find_if(blockers.begin(), blockers.end(),
                                [](const Blocker& blocker) { return blocker.same_schedule; });
  co_return co_await yield_to(context, client, row, overlap,
                              own == blockers.end() ? blockers.front() : *own);
}

}  // namespace

async::Co<Result<Fired>> fire(const ServerContext& context, flow::Client& client, ExpectedRun row,
                              Overlap overlap) {
  return fire_row(&context, &client, std::move(row), overlap);
}

async::Co<Status> start_claimed(flow::Client& client, ExpectedRun row) {
  RunRequest request;
  request.workflow = kWorkflow;
  request.run_id = row.id;
  request.resource_id = row.resource_id;
  request.resource_name = row.resource_name;
  request.trigger = row.origin;
  request.parameters =
      JsonObject{{"resource", row.resource_id}, {"label", row.label}, {"manual", false}};
  co_return status_of(co_await start_run(client, request));
}

}  // namespace holdfast::protect

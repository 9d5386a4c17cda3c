#include "domain/recover/proof_scheduler.h"

#include <algorithm>

#include "core/base/log.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/start_run.h"

namespace holdfast::recover {
namespace {

constexpr Nanoseconds kRetryAtLeast = std::chrono::minutes(10);

struct Due {
  inventory::Resource resource;
  Nanoseconds retry_after{};
};

// Resources that have a usable point and no young enough proof of it or its like.
Result<std::vector<Due>> due_resources(db::Connection& sql, const std::string& zone, UtcTime now) {
  std::vector<Due> due;
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& resource : resources) {
    HF_TRY(const protect::Policy policy, protect::policy_of(sql, resource, zone));
    inventory::PointQuery query;
    query.resource = resource.id;
    query.limit = 1;
    HF_TRY(const auto points, inventory::list_points(sql, query));
    if (points.empty() || !inventory::usable(points.front())) {
      continue;
    }
    HF_TRY(const auto proofs, inventory::newest_proofs(sql, resource.id, policy.proof.level));
    const bool young =
        std::any_of(proofs.begin(), proofs.end(), [&](const inventory::ProofRecord& record) {
          return now - record.proof.at < policy.proof.interval;
        });
    if (!young) {
      due.push_back({resource, std::max(kRetryAtLeast, policy.proof.interval / 10)});
    }
  }
  return due;
}

// Whether a proof of the resource runs or ended so lately that another attempt would come too soon.
async::Co<Result<bool>> tried_lately(flow::Client* client, std::string resource_id, UtcTime since) {
  flow::ListQuery query;
  query.type = "recovery_proof";
  query.attributes = {{"resource_id", Json(resource_id)}};
  query.limit = 1;
  HF_CO_TRY(const flow::RunPage page, co_await client->list(query));
  co_return !page.runs.empty() &&
      (page.runs.front().status == flow::RunStatus::kRunning || page.runs.front().started > since);
}

}  // namespace

async::Co<Result<int>> ProofScheduler::pass() {
  const UtcTime now = context_.clock.now();
  HF_CO_TRY(const auto due, co_await context_.db.read([this, now](db::Connection& sql) {
    return due_resources(sql, context_.timezone, now);
  }));
  int started = 0;
  for (const Due& item : due) {
    HF_CO_TRY(const bool tried,
              co_await tried_lately(&client_, item.resource.id.text(), now - item.retry_after));
    if (tried) {
      continue;
    }
    protect::RunRequest request;
    request.workflow = "recovery_proof";
    request.run_id = context_.new_id("run_");
    request.resource_id = item.resource.id.text();
    request.resource_name = item.resource.name;
    request.trigger = "proof_interval";
    request.parameters = JsonObject{{"resource", item.resource.id.text()}};
    HF_CO_TRY_VOID(status_of(co_await protect::start_run(client_, request)));
    log_info("proof.started", {{"run", request.run_id}, {"resource", item.resource.name}});
    ++started;
  }
  co_return started;
}

}  // namespace holdfast::recover

// The shapes of docs/design/api.md, made from the domain's values. Pure, but for run_view's
// callers.
#pragma once

#include <optional>
#include <vector>

#include "core/audit/audit.h"
#include "domain/access/keys.h"
#include "domain/approve/approvals.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy_store.h"
#include "flow/client.h"

namespace holdfast::api {

// What a resource's protection looks like now.
struct Protection {
  std::optional<inventory::Point> newest;  // usable
  std::vector<inventory::ProofRecord> proofs;
  protect::Policy policy;
};
Json protection_view(const Protection& protection, UtcTime now);
Json resource_view(const inventory::Resource& resource, const Protection& protection, UtcTime now);
Json repository_view(const inventory::Repository& repository, const inventory::Stored& stored);
// How a schedule fires: overlap, jitter_seconds, catch_up_seconds.
void add_fire_rules(JsonObject& view, const protect::FireRules& rules);
Json policy_view(const protect::Policy& policy, const std::vector<std::string>& resources);
Json channel_view(const protect::ChannelRow& channel);
Json point_view(const inventory::Point& point, const Protection& protection, UtcTime now);
Json approval_view(const approve::Approval& approval);
Json expected_run_view(const protect::ExpectedRun& run);
Json audit_view(const audit::Entry& entry);
Json key_view(const access::ApiKey& key);

// The status of a run as the API names it: running, waiting, completed, failed, cancelled.
std::string run_status(const flow::RunSummary& run);
Json run_summary_view(const flow::RunSummary& run);
Json run_view(const flow::RunDescription& run, const std::optional<approve::Approval>& approval);

}  // namespace holdfast::api

// Policies and notification channels in the state database, and which policy a resource has.
#pragma once

#include <string>
#include <vector>

#include "core/db/database.h"
#include "domain/inventory/model.h"
#include "domain/protect/policy.h"

namespace holdfast::protect {

db::Migrations policy_migrations();

enum class ApplyAction { kCreated, kUpdated, kUnchanged };
std::string_view action_name(ApplyAction action);

// Keeps the policy as the next version of its name unless its document and zone are the same as the
// newest version's. Sets policy.id and policy.version.
Result<ApplyAction> put_policy(db::Connection& sql, Policy& policy, const std::string& new_id,
                               UtcTime now);
// The newest version by name or id; kNotFound else. `default` always exists.
Result<Policy> find_policy(db::Connection& sql, const std::string& name_or_id,
                           const std::string& default_zone);
Result<std::vector<Policy>> list_policies(db::Connection& sql, const std::string& default_zone);

// The policy of a resource: the one it names, else the newest whose selector matches all its
// labels, else the default policy.
Result<Policy> policy_of(db::Connection& sql, const inventory::Resource& resource,
                         const std::string& default_zone);
// Whether a policy's selector (not empty) matches the resource's labels.
bool selects(const Policy& policy, const inventory::Resource& resource);

struct ChannelRow {
  std::string id;
  std::string name;
  Json document;  // kind: channel, as applied
};
Result<ApplyAction> put_channel(db::Connection& sql, ChannelRow& channel,
                                const std::string& new_id);
Result<ChannelRow> find_channel(db::Connection& sql, const std::string& name_or_id);
Result<std::vector<ChannelRow>> list_channels(db::Connection& sql);

}  // namespace holdfast::protect

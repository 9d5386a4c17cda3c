#include "domain/protect/policy_store.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace holdfast::protect {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE policies(
  name TEXT NOT NULL, version INTEGER NOT NULL, id TEXT NOT NULL, timezone TEXT NOT NULL,
  document TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY(name, version)) STRICT;
CREATE TABLE channels(
  id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL) STRICT;
)sql";

constexpr std::array<std::string_view, 3> kActionNames{"created", "updated", "unchanged"};

// Columns: name, version, id, timezone, document. A document that was stored decodes.
Result<Policy> policy_from(const db::Row& row) {
  HF_TRY(const Json document, parse_json(row.text(4)));
  HF_TRY(Policy policy, decode_policy(document, row.text(3)));
  policy.version = static_cast<int>(row.integer(1));
  policy.id = row.text(2);
  return policy;
}

constexpr std::string_view kNewest =
    "SELECT name, version, id, timezone, document FROM policies p WHERE version = (SELECT "
    "MAX(version) FROM policies q WHERE q.name = p.name)";

}  // namespace

db::Migrations policy_migrations() { return {{"policies", 1, std::string(kSchema)}}; }

std::string_view action_name(ApplyAction action) {
  return kActionNames.at(static_cast<size_t>(action));
}

Result<ApplyAction> put_policy(db::Connection& sql, Policy& policy, const std::string& new_id,
                               UtcTime now) {
  HF_TRY(const auto row,
         sql.one("SELECT version, id, timezone, document FROM policies WHERE name = ?1 ORDER BY "
                 "version DESC LIMIT 1",
                 policy.name));
  const std::string document = to_text(policy.document);
  policy.id = row ? row->text(1) : new_id;
  policy.version = row ? static_cast<int>(row->integer(0)) : 0;
  if (row && row->text(2) == policy.timezone && row->text(3) == document) {
    return ApplyAction::kUnchanged;
  }
  ++policy.version;
  HF_TRY_VOID(
      sql.exec("INSERT INTO policies(name, version, id, timezone, document, created_at) VALUES "
               "(?1,?2,?3,?4,?5,?6)",
               policy.name, policy.version, policy.id, policy.timezone, document, now));
  return row ? ApplyAction::kUpdated : ApplyAction::kCreated;
}

Result<Policy> find_policy(db::Connection& sql, const std::string& name_or_id,
                           const std::string& default_zone) {
  HF_TRY(const auto row,
         sql.one(fmt::format("{} AND (name = ?1 OR id = ?1)", kNewest), name_or_id));
  if (row) {
    return policy_from(*row);
  }
  if (name_or_id == "default" || name_or_id == "pol_default") {
    return default_policy(default_zone);
  }
  return Error(Code::kNotFound,
               fmt::format("there is no policy '{}': see 'holdfast policy list'", name_or_id));
}

Result<std::vector<Policy>> list_policies(db::Connection& sql, const std::string& default_zone) {
  HF_TRY(const auto rows, sql.all(fmt::format("{} ORDER BY name", kNewest)));
  std::vector<Policy> policies;
  bool has_default = false;
  for (const db::Row& row : rows) {
    HF_TRY(Policy policy, policy_from(row));
    has_default = has_default || policy.name == "default";
    policies.push_back(std::move(policy));
  }
  if (!has_default) {
    policies.push_back(default_policy(default_zone));
  }
  return policies;
}

bool selects(const Policy& policy, const inventory::Resource& resource) {
  return !policy.selector.empty() &&
         std::all_of(policy.selector.begin(), policy.selector.end(), [&](const auto& wanted) {
           const auto found = resource.labels.find(wanted.first);
           return found != resource.labels.end() && found->second == wanted.second;
         });
}

Result<Policy> policy_of(db::Connection& sql, const inventory::Resource& resource,
                         const std::string& default_zone) {
  if (!resource.policy.empty()) {
    return find_policy(sql, resource.policy, default_zone);
  }
  HF_TRY(const auto rows, sql.all(fmt::format("{} ORDER BY created_at DESC, name", kNewest)));
  for (const db::Row& row : rows) {
    HF_TRY(Policy policy, policy_from(row));
    if (selects(policy, resource)) {
      return policy;
    }
  }
  return find_policy(sql, "default", default_zone);
}

Result<ApplyAction> put_channel(db::Connection& sql, ChannelRow& channel,
                                const std::string& new_id) {
  HF_TRY(const auto row,
         sql.one("SELECT id, document FROM channels WHERE name = ?1", channel.name));
  const std::string document = to_text(channel.document);
  channel.id = row ? row->text(0) : new_id;
  if (row && row->text(1) == document) {
    return ApplyAction::kUnchanged;
  }
  HF_TRY_VOID(
      sql.exec("INSERT INTO channels(id, name, document) VALUES (?1,?2,?3) ON CONFLICT(id) DO "
               "UPDATE SET document = excluded.document",
               channel.id, channel.name, document));
  return row ? ApplyAction::kUpdated : ApplyAction::kCreated;
}

Result<ChannelRow> find_channel(db::Connection& sql, const std::string& name_or_id) {
  HF_TRY(const auto row,
         sql.one("SELECT id, name, document FROM channels WHERE name = ?1 OR id = ?1", name_or_id));
  if (!row) {
    return Error(
        Code::kNotFound,
        fmt::format("there is no notification channel '{}': apply a document of kind channel",
                    name_or_id));
  }
  HF_TRY(Json document, parse_json(row->text(2)));
  return ChannelRow{row->text(0), row->text(1), std::move(document)};
}

Result<std::vector<ChannelRow>> list_channels(db::Connection& sql) {
  HF_TRY(const auto rows, sql.all("SELECT id, name, document FROM channels ORDER BY name"));
  std::vector<ChannelRow> channels;
  for (const db::Row& row : rows) {
    HF_TRY(Json document, parse_json(row.text(2)));
    channels.push_back({row.text(0), row.text(1), std::move(document)});
  }
  return channels;
}

}  // namespace holdfast::protect

#include "domain/protect/groups.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/crypto/digest.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/policy_store.h"

namespace holdfast::protect {
namespace {

// What a schedule means: the documents' own words, and the zone in which they are read.
std::string schedules_of(const Policy& policy) {
  const Json* schedules = find(policy.document, "schedules");
  return fmt::format("{} {} {}", policy.timezone, policy.schedules.size(),
                     schedules == nullptr ? "" : to_text(*schedules));
}

}  // namespace

bool is_grouped(const ServerContext& context, const inventory::Resource& resource,
                const Policy& policy) {
  return !resource.consistency_group.empty() && policy.switches.consistency_group &&
         context.storage(resource.driver).groups;
}

std::string group_key(const inventory::Resource& resource) {
  return resource.driver + "/" + resource.agent + "/" + resource.consistency_group;
}

bool is_older(const inventory::Resource& a, const inventory::Resource& b) {
  return std::pair(a.created_at, a.id.text()) < std::pair(b.created_at, b.id.text());
}

Result<std::vector<inventory::Resource>> group_members(db::Connection& sql,
                                                       const ServerContext& context,
                                                       const inventory::Resource& resource) {
  HF_TRY(const Policy own, policy_of(sql, resource, context.timezone));
  if (!is_grouped(context, resource, own)) {
    return std::vector{resource};
  }
  std::vector<inventory::Resource> members;
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& other : resources) {
    if (group_key(resource) != group_key(other)) {
      continue;
    }
    HF_TRY(const Policy policy, policy_of(sql, other, context.timezone));
    if (is_grouped(context, other, policy)) {
      members.push_back(other);
    }
  }
  std::sort(members.begin(), members.end(), is_older);
  return members;
}

Status check_group(db::Connection& sql, const ServerContext& context,
                   const inventory::Resource& resource, const Policy& policy) {
  if (!is_grouped(context, resource, policy)) {
    return {};
  }
  HF_TRY(const auto resources, inventory::list_resources(sql));
  for (const inventory::Resource& other : resources) {
    if (other.id == resource.id || group_key(resource) != group_key(other)) {
      continue;
    }
    HF_TRY(const Policy its, policy_of(sql, other, context.timezone));
    if (is_grouped(context, other, its) && schedules_of(its) != schedules_of(policy)) {
      return Error(
          Code::kFailedPrecondition,
          fmt::format("resources '{}' and '{}' are in consistency group '{}', which one run "
                      "protects: give policies '{}' and '{}' the same schedules and time zone, or "
                      "switch consistency_group off in one of them",
                      resource.name, other.name, resource.consistency_group, policy.name,
                      its.name));
    }
  }
  return {};
}

std::string member_point_id(const std::string& point, const std::string& resource_id) {
  constexpr size_t kTail = 12;  // the last part of a UUID
  if (point.size() < kTail) {
    return point + "_" + resource_id;
  }
  return point.substr(0, point.size() - kTail) +
         crypto::sha256_hex(as_bytes(point + "/" + resource_id)).substr(0, kTail);
}

Result<std::vector<inventory::Point>> points_of_group(db::Connection& sql,
                                                      const inventory::Point& point) {
  std::vector<inventory::Point> points{point};
  if (point.run_id.empty()) {
    return points;
  }
  HF_TRY(const auto rows,
         sql.all("SELECT id FROM points WHERE time = ?1 AND run_id = ?2 AND id <> ?3 ORDER BY "
                 "resource_name, id",
                 point.time, point.run_id, point.id.text()));
  for (const db::Row& row : rows) {
    HF_TRY(inventory::Point other, inventory::find_point(sql, row.text(0)));
    points.push_back(std::move(other));
  }
  return points;
}

}  // namespace holdfast::protect

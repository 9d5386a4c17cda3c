// Consistency groups: the resources whose volumes one backup takes at one instant.
//
// Resources with the same `consistency_group`, driver and agent are one group where the driver
// states group snapshots and the policy's switch is on. A run of any of them protects all of them:
// one snapshot of the group, one recovery point for each member. The schedules of a group are those
// of its oldest member, and the same for all of them.
#pragma once

#include <string>
#include <vector>

#include "core/db/database.h"
#include "domain/inventory/model.h"
#include "domain/protect/policy.h"
#include "domain/protect/server_context.h"

namespace holdfast::protect {

// Whether the resource is protected with a group: its driver can, and its policy wants it.
bool is_grouped(const ServerContext& context, const inventory::Resource& resource,
                const Policy& policy);

// The same for all members of one group, and for nothing else.
std::string group_key(const inventory::Resource& resource);
// Whether `a` comes before `b` in their group: the schedules are those of the oldest.
bool is_older(const inventory::Resource& a, const inventory::Resource& b);

// The group's members, the resource included, oldest first; the resource alone where it has none.
Result<std::vector<inventory::Resource>> group_members(db::Connection& sql,
                                                       const ServerContext& context,
                                                       const inventory::Resource& resource);

// kFailedPrecondition: one run could not protect the resource and the other members of its group,
// because their schedules differ.
Status check_group(db::Connection& sql, const ServerContext& context,
                   const inventory::Resource& resource, const Policy& policy);

// The id of a member's point in a run whose own point is `point`: the same for every repetition,
// and beside it in time.
std::string member_point_id(const std::string& point, const std::string& resource_id);

// The points of the run that made this one, one for each member of its group: this one first.
Result<std::vector<inventory::Point>> points_of_group(db::Connection& sql,
                                                      const inventory::Point& point);

}  // namespace holdfast::protect

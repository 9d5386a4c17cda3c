// Retention of one resource: from the catalog to the removals that data activities carry out.
#pragma once

#include "core/base/json.h"
#include "core/db/database.h"
#include "domain/inventory/model.h"
#include "domain/protect/server_context.h"
#include "domain/schedule/retention.h"

namespace holdfast::protect {

// The plan over all points of a resource that still have a copy.
Result<std::vector<schedule::Decision>> decide_retention(db::Connection& sql,
                                                         const inventory::ResourceId& resource,
                                                         UtcTime now);

// The activity protect.plan_retention {"resource_id"}: answers {"detail", "batches": [{"activity",
// "copies": [copy ids], ...input of that data activity}]}, one batch a repository or volume.
Result<Json> plan_resource_retention(const ServerContext& context, const Json& input);

}  // namespace holdfast::protect

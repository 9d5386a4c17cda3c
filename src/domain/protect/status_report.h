// What a backup_status_report tells: runs, expected runs, points, storage.
#pragma once

#include <string>

#include "core/async/co.h"
#include "core/base/json.h"
#include "core/base/result.h"
#include "domain/activities/data_context.h"
#include "domain/protect/server_context.h"
#include "flow/client.h"

namespace holdfast::protect {

// Input: cluster_id (this machine: `local`, the default, which is everything that this server
// protects; or a storage system, or a cluster behind one, by name or id), start_date, end_date,
// include_metrics, include_failures. kNotFound for a cluster that nobody knows.
async::Co<Result<Json>> status_report(const ServerContext* context,
                                      const activities::DataContext* data, flow::Client* client,
                                      std::string own_run, Json input);

}  // namespace holdfast::protect

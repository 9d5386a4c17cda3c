// Control activities of schedule_backup and backup_status_report (queue `control`).
#pragma once

#include <functional>

#include "domain/activities/data_context.h"
#include "domain/protect/server_context.h"
#include "flow/activity.h"
#include "flow/client.h"

namespace holdfast::protect {

// Registers protect.schedule_backup and protect.status_report. `client` is called when an activity
// runs: the engine exists by then.
void register_report_activities(flow::ActivityRegistry& registry, const ServerContext& context,
                                const activities::DataContext& data,
                                std::function<flow::Client&()> client);

}  // namespace holdfast::protect

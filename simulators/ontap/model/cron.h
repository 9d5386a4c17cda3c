// Cron schedules of the API, and what runs by them: snapshot policies, transfers.
#pragma once

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// Whether a schedule's cron part (minutes, hours, days, months, weekdays) matches this minute, UTC.
// Absent lists match all, but for minutes, which an absent list makes 0.
bool cron_matches(const JsonObject& cron, UtcTime minute);

// What is due in the minute that `now` lies in: makes the snapshots of snapshot policies and starts
// scheduled transfers. Called once a minute, without the lock.
void run_due(World& world, UtcTime now);
// Calls run_due() at every full minute until the world ends.
void start_scheduler(World& world);

}  // namespace holdfast::ontap_sim

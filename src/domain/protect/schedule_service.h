// What people do to schedules: look, pause, resume, trigger, backfill. Each change has its audit
// row in the change's transaction.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/protect/schedule_settle.h"
#include "domain/protect/services.h"

namespace holdfast::protect {

struct ScheduleView {
  Schedule schedule;
  std::optional<Pause> pause;                 // by a person
  std::optional<std::string> paused_because;  // by a person or the policy
};
// All of them, by resource.
Result<std::vector<ScheduleView>> view_schedules(db::Connection& sql, const ServerContext& context);
Result<ScheduleView> view_schedule(db::Connection& sql, const ServerContext& context,
                                   const std::string& resource, const std::string& label);

// Which schedule: a resource's id or name, and a label. kNotFound: there is none.
struct ScheduleName {
  std::string resource;
  std::string label;
};
// Nothing starts by itself until it is resumed; what comes due is recorded as skipped, with `why`.
// Pausing again changes who and why.
async::Co<Result<ScheduleView>> pause_schedule(const Services& services, Caller caller,
                                               ScheduleName name, std::string why);
// What came due in the pause is not made up. kFailedPrecondition: its policy document pauses it.
async::Co<Result<ScheduleView>> resume_schedule(const Services& services, Caller caller,
                                                ScheduleName name);
// One run now, also while the schedule is paused: started at once, or queued behind the run of the
// resource that goes on (`overlap: replace`: which is asked to stop).
async::Co<Result<ExpectedRun>> trigger_schedule(const Services& services, Caller caller,
                                                ScheduleName name);
// The occurrences in [from, to) that have no run yet, as rows that the scheduler starts one after
// another. kInvalidArgument: the range is empty, not past, or has more than 500 occurrences.
async::Co<Result<std::vector<ExpectedRun>>> backfill_schedule(const Services& services,
                                                              Caller caller, ScheduleName name,
                                                              UtcTime from, UtcTime to);

}  // namespace holdfast::protect

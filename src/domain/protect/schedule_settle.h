// The bookkeeping half of the scheduler: brings the ledger up to the clock's now and says which
// rows are to start. A function of the state database and the clock alone; doing it twice, or
// stopping after any statement's transaction, changes nothing.
//
// Catch-up. Of the occurrences that nobody started, the newest of each schedule is made up when it
// is no older than the schedule's `catch_up`; all others are recorded as missed. The schedule
// itself never shifts. Occurrences of a paused schedule are recorded as skipped.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "domain/inventory/model.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy.h"
#include "domain/protect/schedule_state.h"
#include "domain/protect/server_context.h"

namespace holdfast::protect {

struct DueRun {
  ExpectedRun row;
  Overlap overlap = Overlap::kSkip;
};

struct Settled {
  std::vector<DueRun> due;  // in the order to try them
  int expected = 0;         // rows written ahead
  int missed = 0;
  int skipped = 0;
  UtcTime next_due = UtcTime::max();
};

// One schedule of one resource.
struct Schedule {
  inventory::Resource resource;
  std::string policy;
  std::string timezone;
  ScheduleEntry entry;
};
// Every schedule of every resource; of two with one label only the first counts.
Result<std::vector<Schedule>> list_all_schedules(db::Connection& sql, const ServerContext& context);
// kNotFound names the schedules that there are.
Result<Schedule> find_schedule(db::Connection& sql, const ServerContext& context,
                               const std::string& resource, const std::string& label);

// Why nothing of the schedule starts now; nullopt: it is not paused.
std::optional<std::string> paused_because(const Schedule& schedule,
                                          const std::optional<Pause>& pause);
// The due time plus a delay below the schedule's jitter that depends on the resource, the label and
// the due time alone, and that never reaches the next occurrence.
Result<UtcTime> start_of(const Schedule& schedule, UtcTime due);
// A row of this schedule that is not yet written.
ExpectedRun expected_row(const Schedule& schedule, std::string id, UtcTime due);

Status settle_all(db::Connection& sql, const ServerContext& context, UtcTime now, Settled& out);
Status settle_one(db::Connection& sql, const ServerContext& context, const Schedule& schedule,
                  UtcTime now);

}  // namespace holdfast::protect

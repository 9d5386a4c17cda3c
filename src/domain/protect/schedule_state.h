// What the scheduler remembers of each schedule of a resource: up to when its occurrences have been
// counted, by which rule, and whether somebody has paused it. The table comes with the ledger's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/db/database.h"

namespace holdfast::protect {

struct Pause {
  std::string by;  // name of the key
  std::string why;
  UtcTime at;
};

struct ScheduleState {
  std::string resource_id;
  std::string label;
  std::string rule;       // calendar and zone; empty: not counted yet
  UtcTime counted_until;  // every occurrence up to here is in the ledger
  std::optional<Pause> pause;
};

Result<std::vector<ScheduleState>> list_schedule_states(db::Connection& sql);
Result<std::optional<ScheduleState>> find_schedule_state(db::Connection& sql,
                                                         const std::string& resource_id,
                                                         const std::string& label);
// Writes the whole row.
Status put_schedule_state(db::Connection& sql, const ScheduleState& state);
Status drop_schedule_state(db::Connection& sql, const std::string& resource_id,
                           const std::string& label);
// Forgets the schedules of a resource that is no longer protected.
Status drop_schedule_states(db::Connection& sql, const std::string& resource_id);

}  // namespace holdfast::protect

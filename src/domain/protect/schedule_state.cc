#include "domain/protect/schedule_state.h"

#include <fmt/core.h>

namespace holdfast::protect {
namespace {

constexpr std::string_view kSelect =
    "SELECT resource_id, label, rule, counted_until, paused_by, paused_why, paused_at FROM "
    "schedule_states";

ScheduleState state_from(const db::Row& row) {
  ScheduleState state{row.text(0), row.text(1), row.text(2), row.time(3), std::nullopt};
  if (const auto at = row.optional_time(6)) {
    state.pause = Pause{row.text(4), row.text(5), *at};
  }
  return state;
}

}  // namespace

Result<std::vector<ScheduleState>> list_schedule_states(db::Connection& sql) {
  HF_TRY(const auto rows, sql.all(kSelect));
  std::vector<ScheduleState> states;
  for (const db::Row& row : rows) {
    states.push_back(state_from(row));
  }
  return states;
}

Result<std::optional<ScheduleState>> find_schedule_state(db::Connection& sql,
                                                         const std::string& resource_id,
                                                         const std::string& label) {
  HF_TRY(const auto row, sql.one(fmt::format("{} WHERE resource_id = ?1 AND label = ?2", kSelect),
                                 resource_id, label));
  return row ? std::optional(state_from(*row)) : std::nullopt;
}

Status put_schedule_state(db::Connection& sql, const ScheduleState& state) {
  std::optional<std::string> by;
  std::optional<std::string> why;
  std::optional<UtcTime> at;
  if (state.pause) {
    by = state.pause->by;
    why = state.pause->why;
    at = state.pause->at;
  }
  HF_TRY_VOID(
      sql.exec("INSERT INTO schedule_states(resource_id, label, rule, counted_until, paused_by, "
               "paused_why, paused_at) VALUES (?1,?2,?3,?4,?5,?6,?7) ON CONFLICT(resource_id, "
               "label) DO UPDATE SET rule = excluded.rule, counted_until = excluded.counted_until, "
               "paused_by = excluded.paused_by, paused_why = excluded.paused_why, paused_at = "
               "excluded.paused_at",
               state.resource_id, state.label, state.rule, state.counted_until, by, why, at));
  return {};
}

Status drop_schedule_state(db::Connection& sql, const std::string& resource_id,
                           const std::string& label) {
  HF_TRY_VOID(sql.exec("DELETE FROM schedule_states WHERE resource_id = ?1 AND label = ?2",
                       resource_id, label));
  return {};
}

Status drop_schedule_states(db::Connection& sql, const std::string& resource_id) {
  HF_TRY_VOID(sql.exec("DELETE FROM schedule_states WHERE resource_id = ?1", resource_id));
  return {};
}

}  // namespace holdfast::protect

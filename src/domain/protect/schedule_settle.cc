// Per schedule: count the occurrences since the last time, write the next one ahead, then judge the
// rows that are overdue.
#include "domain/protect/schedule_settle.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "domain/inventory/catalog.h"
#include "domain/protect/groups.h"
#include "domain/protect/policy_store.h"

namespace holdfast::protect {
namespace {

using Key = std::pair<std::string, std::string>;  // resource id, label

// A start within this time of its due time is on time, whatever `catch_up` says: another server may
// have to take the lease over first.
constexpr Nanoseconds kOnTime = std::chrono::minutes(3);
// Occurrences that one pass counts for a schedule; the rest is for the next pass.
constexpr std::size_t kAtOnce = 5000;
constexpr int kAllRows = 1'000'000;

// Two schedules with the same key are due at the same instants.
std::string rule_key(const Schedule& schedule) {
  const schedule::Rule& rule = schedule.entry.rule;
  return fmt::format("{:x}/{:x}/{:x}/{:x}/{:x}/{}{}{}{}/{}/{}/{} {}", rule.minutes.to_ullong(),
                     rule.hours.to_ullong(), rule.days.to_ullong(), rule.months.to_ullong(),
                     rule.weekdays.to_ullong(), int{rule.any_day}, int{rule.any_weekday},
                     int{rule.either_day}, int{rule.last_day}, rule.days_before_last,
                     rule.nearest_weekday, rule.nth_weekday, schedule.timezone);
}

std::uint64_t hash_text(std::uint64_t hash, std::string_view text) {  // FNV-1a
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  }
  return hash;
}

std::uint64_t spread(std::uint64_t value) {  // the end of SplitMix64
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// What is known of one schedule while it is settled.
struct Books {
  db::Connection& sql;
  const ServerContext& context;
  const Schedule& schedule;
  ScheduleState state;
  std::vector<ExpectedRun> rows;  // expected, of the schedule itself
  UtcTime now;
  Settled& out;
};

Status expect_at(Books& books, UtcTime due) {
  ExpectedRun row = expected_row(books.schedule, books.context.new_id("run_"), due);
  HF_TRY(row.start_at, start_of(books.schedule, due));
  HF_TRY(const bool written, expect_run(books.sql, row));
  if (written) {
    books.rows.push_back(std::move(row));
    ++books.out.expected;
  }
  return {};
}

// Writes the occurrences since the last time and the next one ahead; false when there are more
// than one pass can take, so that the newest is not known yet.
Result<bool> count_occurrences(Books& books) {
  HF_TRY(const schedule::Zone zone, schedule::find_zone(books.schedule.timezone));
  const schedule::Rule& rule = books.schedule.entry.rule;
  const std::string key = rule_key(books.schedule);
  ScheduleState before = books.state;
  if (!before.rule.empty() && before.rule != key) {  // what was written by the old rule is void
    HF_TRY_VOID(withdraw_expected(books.sql, before.resource_id, before.label, books.now));
    std::erase_if(books.rows, [&](const ExpectedRun& row) { return row.due_at > books.now; });
    books.state.counted_until = std::max(before.counted_until, books.now);
  }
  books.state.rule = key;
  const auto passed = schedule::occurrences(rule, zone, books.state.counted_until + Nanoseconds(1),
                                            books.now + Nanoseconds(1), kAtOnce);
  for (const UtcTime due : passed) {
    HF_TRY_VOID(expect_at(books, due));
  }
  const bool complete = passed.size() < kAtOnce;
  if (!passed.empty()) {
    books.state.counted_until = complete ? books.now : passed.back();
  }
  if (before.rule != books.state.rule || before.counted_until != books.state.counted_until) {
    HF_TRY_VOID(put_schedule_state(books.sql, books.state));
  }
  if (!complete) {
    return false;
  }
  if (const auto next = schedule::next_after(rule, zone, books.now)) {
    HF_TRY_VOID(expect_at(books, *next));
  }
  return true;
}

Status end_row(Books& books, const ExpectedRun& row, const NotRun& why) {
  ++(why.status == "missed" ? books.out.missed : books.out.skipped);
  return mark_not_run(books.sql, row.id, why, books.now);
}

// A row that a newer one of its schedule has overtaken.
NotRun overtaken(const Books& books, const ExpectedRun& row,
                 const std::optional<std::string>& paused) {
  const bool before_pause = books.state.pause && row.due_at < books.state.pause->at;
  if (paused && !(before_pause && !books.schedule.entry.fire.paused)) {
    return {"skipped", "paused", *paused};
  }
  if (row.queued_at) {
    return {"skipped", "superseded", "a newer one took its place while it waited"};
  }
  return {"missed", "down", "the server was not running when it was due"};
}

// Ends what will not run and keeps, at most, the newest overdue row.
Status judge_overdue(Books& books, bool complete) {
  const auto paused = paused_because(books.schedule, books.state.pause);
  std::sort(books.rows.begin(), books.rows.end(),
            [](const ExpectedRun& a, const ExpectedRun& b) { return a.due_at > b.due_at; });
  bool newest = complete;
  for (const ExpectedRun& row : books.rows) {
    if (row.start_at > books.now) {
      books.out.next_due = std::min(books.out.next_due, row.start_at);
      continue;
    }
    const Nanoseconds late = books.now - row.start_at;
    const Nanoseconds catch_up = books.schedule.entry.fire.catch_up;
    if (!std::exchange(newest, false)) {
      HF_TRY_VOID(end_row(books, row, overtaken(books, row, paused)));
    } else if (paused) {
      HF_TRY_VOID(end_row(books, row, {"skipped", "paused", *paused}));
    } else if (!row.queued_at && late > std::max(catch_up, kOnTime)) {
      HF_TRY_VOID(end_row(
          books, row,
          {"missed", "catch_up",
           fmt::format("the server was not running when it was due, and came back {} later: "
                       "catch_up is {}",
                       format_duration(late), format_duration(catch_up))}));
    } else {
      books.out.due.push_back({row, books.schedule.entry.fire.overlap});
    }
  }
  if (!complete) {
    books.out.next_due = books.now;
  }
  return {};
}

Status settle(Books& books) {
  HF_TRY(const bool complete, count_occurrences(books));
  return judge_overdue(books, complete);
}

// A schedule that was never counted begins now; one that an older Holdfast counted, at its newest
// row.
Result<ScheduleState> state_of(db::Connection& sql, const Schedule& schedule,
                               const std::optional<ScheduleState>& known, UtcTime now) {
  if (known) {
    return *known;
  }
  const std::string id = schedule.resource.id.text();
  HF_TRY(const auto last, sql.one("SELECT MAX(due_at) FROM expected_runs WHERE resource_id = ?1 "
                                  "AND label = ?2 AND origin = 'schedule'",
                                  id, schedule.entry.label));
  const bool counted = last && !last->is_null(0);
  return ScheduleState{id, schedule.entry.label, "", counted ? std::min(last->time(0), now) : now,
                       std::nullopt};
}

// Rows that people asked for: triggers at once, of each resource the oldest backfill after that.
void add_requested(const std::vector<ExpectedRun>& rows, const std::map<Key, Overlap>& overlaps,
                   Settled& out) {
  std::set<std::string> backfilled;
  for (const ExpectedRun& row : rows) {  // oldest first
    const Overlap rule = overlaps.at({row.resource_id, row.label});
    if (row.origin == "trigger") {
      out.due.push_back({row, rule == Overlap::kReplace ? rule : Overlap::kQueue});
    }
  }
  for (const ExpectedRun& row : rows) {
    if (row.origin == "backfill" && backfilled.insert(row.resource_id).second) {
      out.due.push_back({row, Overlap::kQueue});
    }
  }
}

}  // namespace

Result<std::vector<Schedule>> list_all_schedules(db::Connection& sql,
                                                 const ServerContext& context) {
  std::vector<Schedule> schedules;
  HF_TRY(const auto resources, inventory::list_resources(sql));
  std::vector<Policy> policies;
  std::map<std::string, const inventory::Resource*> oldest;  // by group: its run is the group's
  for (const inventory::Resource& resource : resources) {
    HF_TRY(Policy policy, policy_of(sql, resource, context.timezone));
    if (is_grouped(context, resource, policy)) {
      const auto [first, is_new] = oldest.try_emplace(group_key(resource), &resource);
      if (!is_new && is_older(resource, *first->second)) {
        first->second = &resource;
      }
    }
    policies.push_back(std::move(policy));
  }
  for (size_t i = 0; i < resources.size(); ++i) {
    const inventory::Resource& resource = resources[i];
    const Policy& policy = policies[i];
    if (is_grouped(context, resource, policy) && oldest.at(group_key(resource)) != &resource) {
      continue;
    }
    std::set<std::string> labels;
    for (const ScheduleEntry& entry : policy.schedules) {
      if (labels.insert(entry.label).second) {
        schedules.push_back({resource, policy.name, policy.timezone, entry});
      }
    }
  }
  return schedules;
}

Result<Schedule> find_schedule(db::Connection& sql, const ServerContext& context,
                               const std::string& resource, const std::string& label) {
  HF_TRY(const inventory::Resource found, inventory::find_resource(sql, resource));
  HF_TRY(const Policy policy, policy_of(sql, found, context.timezone));
  std::string names;
  for (const ScheduleEntry& entry : policy.schedules) {
    if (entry.label == label) {
      return Schedule{found, policy.name, policy.timezone, entry};
    }
    names += (names.empty() ? "" : ", ") + entry.label;
  }
  return Error(Code::kNotFound,
               fmt::format("resource '{}' has no schedule '{}': its policy '{}' has {}", found.name,
                           label, policy.name, names.empty() ? "none" : names));
}

std::optional<std::string> paused_because(const Schedule& schedule,
                                          const std::optional<Pause>& pause) {
  if (schedule.entry.fire.paused) {
    return fmt::format("paused by policy '{}'", schedule.policy);
  }
  return pause ? std::optional(fmt::format("paused by {}: {}", pause->by, pause->why))
               : std::nullopt;
}

Result<UtcTime> start_of(const Schedule& schedule, UtcTime due) {
  Nanoseconds span = schedule.entry.fire.jitter;
  if (span <= Nanoseconds(0)) {
    return due;
  }
  HF_TRY(const schedule::Zone zone, schedule::find_zone(schedule.timezone));
  if (const auto next = schedule::next_after(schedule.entry.rule, zone, due)) {
    span = std::min(span, *next - due);
  }
  std::uint64_t hash = hash_text(0xcbf29ce484222325u, schedule.resource.id.text());
  hash = hash_text(hash_text(hash, "/"), schedule.entry.label);
  hash = hash_text(hash, std::to_string(due.time_since_epoch().count()));
  return due + Nanoseconds(static_cast<std::int64_t>(spread(hash) %
                                                     static_cast<std::uint64_t>(span.count())));
}

ExpectedRun expected_row(const Schedule& schedule, std::string id, UtcTime due) {
  ExpectedRun run;
  run.id = std::move(id);
  run.resource_id = schedule.resource.id.text();
  run.resource_name = schedule.resource.name;
  run.policy = schedule.policy;
  run.label = schedule.entry.label;
  run.due_at = due;
  run.start_at = due;
  run.timezone = schedule.timezone;
  run.status = "expected";
  return run;
}

Status settle_one(db::Connection& sql, const ServerContext& context, const Schedule& schedule,
                  UtcTime now) {
  const std::string id = schedule.resource.id.text();
  HF_TRY(const auto known, find_schedule_state(sql, id, schedule.entry.label));
  HF_TRY(ScheduleState state, state_of(sql, schedule, known, now));
  LedgerQuery query;
  query.status = "expected";
  query.resource = id;
  query.label = schedule.entry.label;
  query.origin = "schedule";
  query.limit = kAllRows;
  HF_TRY(auto rows, list_expected(sql, query));
  Settled unused;
  Books books{sql, context, schedule, std::move(state), std::move(rows), now, unused};
  return settle(books);
}

Status settle_all(db::Connection& sql, const ServerContext& context, UtcTime now, Settled& out) {
  std::map<Key, ScheduleState> states;
  HF_TRY(const auto known, list_schedule_states(sql));
  for (const ScheduleState& state : known) {
    states.emplace(Key(state.resource_id, state.label), state);
  }
  LedgerQuery query;
  query.status = "expected";
  query.limit = kAllRows;
  query.oldest_first = true;
  HF_TRY(const auto rows, list_expected(sql, query));
  std::map<Key, std::vector<ExpectedRun>> own;
  for (const ExpectedRun& row : rows) {
    if (row.origin == "schedule") {
      own[{row.resource_id, row.label}].push_back(row);
    }
  }
  std::map<Key, Overlap> overlaps;
  HF_TRY(const auto schedules, list_all_schedules(sql, context));
  for (const Schedule& schedule : schedules) {
    const Key key(schedule.resource.id.text(), schedule.entry.label);
    overlaps[key] = schedule.entry.fire.overlap;
    const auto found = states.find(key);
    HF_TRY(ScheduleState state,
           state_of(sql, schedule,
                    found == states.end() ? std::nullopt : std::optional(found->second), now));
    Books books{sql, context, schedule, std::move(state), std::move(own[key]), now, out};
    HF_TRY_VOID(settle(books));
  }
  for (const auto& [key, state] : states) {
    if (!overlaps.contains(key)) {
      HF_TRY_VOID(drop_schedule_state(sql, key.first, key.second));
    }
  }
  std::vector<ExpectedRun> requested;
  for (const ExpectedRun& row : rows) {
    if (!overlaps.contains({row.resource_id, row.label})) {
      HF_TRY_VOID(withdraw_expected(sql, row.resource_id, row.label, now));
      if (row.due_at <= now) {
        ++out.skipped;
        HF_TRY_VOID(mark_not_run(sql, row.id,
                                 {"skipped", "dropped", "its schedule is no longer there"}, now));
      }
    } else if (row.origin != "schedule") {
      requested.push_back(row);
    }
  }
  add_requested(requested, overlaps, out);
  return {};
}

}  // namespace holdfast::protect

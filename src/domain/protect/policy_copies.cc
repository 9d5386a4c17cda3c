#include "domain/protect/policy_copies.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>
#include <queue>

#include "domain/schedule/retention.h"
#include "drivers/storage/replication.h"

namespace holdfast::protect {
namespace {

constexpr Nanoseconds kYear = std::chrono::hours(8766);
constexpr Nanoseconds kForEver = 10 * kYear;  // nobody's policy lives longer unchanged
constexpr Nanoseconds kLongest = 100 * kYear;
constexpr size_t kMostOccurrences = 40'000;  // of one schedule; more copies are kept nowhere
constexpr int kMinutesOfADay = 24 * 60;
// Copies are counted in the year after this day, and what was made before it and is kept still.
constexpr UtcTime kCountFrom = std::chrono::sys_days(std::chrono::year(2034) / 1 / 1);

using Lives = std::map<UtcTime, UtcTime>;  // of copies: made, let go

// What one schedule makes.
struct Made {
  const ScheduleEntry& entry;
  const schedule::Zone& zone;
  Nanoseconds lock;

  UtcTime expires(UtcTime time) const {
    const auto retention = schedule::parse_retention(entry.retention);
    const auto end = retention ? schedule::expires_at(*retention, zone, time) : std::nullopt;
    return end.value_or(time + kForEver);
  }
  // A lock begins when the copy is there, which is later than its time.
  UtcTime let_go(UtcTime time) const {
    return std::max(expires(time), lock.count() == 0 ? time : time + lock + Nanoseconds(1));
  }
  bool for_its_lock() const { return expires(kCountFrom) <= kCountFrom + lock; }
  Nanoseconds kept() const {
    return std::min<Nanoseconds>(let_go(kCountFrom) - kCountFrom, kLongest);
  }
  // No more copies than these are there at once, whatever the days; cheap.
  size_t bound() const {
    const auto days = static_cast<size_t>(kept() / std::chrono::hours(24)) + 2;
    return days * entry.rule.hours.count() * entry.rule.minutes.count();
  }
  // Day by day: cheaper than asking the calendar for the next one each time.
  Lives lives() const {
    Lives found;
    schedule::LocalTime date = zone.to_local(kCountFrom - kept());
    for (const schedule::LocalTime last = zone.to_local(kCountFrom + kYear);
         date < last && found.size() < kMostOccurrences; date = schedule::add_days(date, 1)) {
      if (!schedule::matches_date(entry.rule, date)) {
        continue;
      }
      for (int minute = 0; minute < kMinutesOfADay; ++minute) {
        date.hour = minute / 60;
        date.minute = minute % 60;
        if (entry.rule.hours[static_cast<size_t>(date.hour)] &&
            entry.rule.minutes[static_cast<size_t>(date.minute)]) {
          const UtcTime time = zone.to_utc(date);
          found.emplace(time, let_go(time));
        }
      }
    }
    return found;
  }
};

// The most that are there at once. One that goes when the next is made is not counted with it.
size_t most_at_once(const Lives& lives) {
  std::priority_queue<UtcTime, std::vector<UtcTime>, std::greater<>> ends;
  size_t most = 0;
  for (const auto& [made, let_go] : lives) {
    while (!ends.empty() && ends.top() <= made) {
      ends.pop();
    }
    ends.push(let_go);
    most = std::max(most, ends.size());
  }
  return most;
}

std::string in_words(const ScheduleEntry& entry) {
  const auto retention = schedule::parse_retention(entry.retention);
  return !retention || retention->count == 0
             ? fmt::format("give schedule '{}' a retention", entry.label)
             : fmt::format("shorten the retention of schedule '{}' ({})", entry.label,
                           entry.retention);
}

}  // namespace

std::optional<TooManyCopies> too_many_copies(const Policy& policy, size_t level, size_t most,
                                             std::string_view holder) {
  const auto zone = schedule::find_zone(policy.timezone);
  if (!zone) {
    return std::nullopt;  // decode_policy() has refused it
  }
  const Level& wanted = policy.levels[level];
  std::vector<Made> schedules;
  size_t bound = 0;
  for (const ScheduleEntry& entry : policy.schedules) {
    schedules.push_back({entry, *zone, std::min(wanted.lock, kLongest)});
    bound += schedules.back().bound();
  }
  if (bound <= most) {
    return std::nullopt;
  }
  Lives all;
  bool at_least = false;  // there are more than were counted
  size_t worst = 0;
  size_t worst_copies = 0;
  for (size_t i = 0; i < schedules.size(); ++i) {
    const Lives lives = schedules[i].lives();
    if (const size_t own = most_at_once(lives); own > worst_copies) {
      worst = i;
      worst_copies = own;
    }
    at_least = at_least || lives.size() >= kMostOccurrences;
    for (const auto& [time, let_go] : lives) {  // runs due at once are one run
      const auto [known, fresh] = all.emplace(time, let_go);
      known->second = std::max(known->second, let_go);
    }
  }
  const size_t copies = most_at_once(all);
  if (copies <= most) {
    return std::nullopt;
  }
  const ScheduleEntry& entry = policy.schedules[worst];
  const bool locked = schedules[worst].for_its_lock();
  return TooManyCopies{
      .pointer = locked ? fmt::format("/levels/{}/lock", level)
                        : fmt::format("/schedules/{}/{}/retention", worst, entry.label),
      .sentence = fmt::format(
          "level {} would keep {}{} copies and {} at most {}: {}, or back up less often",
          wanted.level, at_least ? "at least " : "", copies, holder, most,
          locked ? fmt::format("shorten its lock ({})", format_duration(wanted.lock))
                 : in_words(entry))};
}

std::optional<TooManyCopies> too_many_replicas(const Policy& policy, size_t level) {
  const Level& wanted = policy.levels[level];
  if (wanted.destination.empty() || !wanted.mirror_policy.empty()) {
    return std::nullopt;
  }
  return too_many_copies(policy, level, storage::kMostReplicas, "its relationship keeps");
}

Status check_copies(const Policy& policy) {
  std::vector<Problem> problems;
  for (size_t i = 0; i < policy.levels.size(); ++i) {
    if (auto found = too_many_replicas(policy, i)) {
      problems.push_back({std::move(found->pointer), std::move(found->sentence)});
    }
  }
  return problems.empty() ? Status() : Status(to_error(problems));
}

}  // namespace holdfast::protect

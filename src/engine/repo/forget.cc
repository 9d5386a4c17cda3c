#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "engine/repo/maintain.h"

namespace holdfast::repo {
namespace {

using std::chrono::days;

// Which hour, day, week, month or year a time falls into, as a number that differs between periods.
std::int64_t hour_of(UtcTime time) {
  return std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count();
}
std::int64_t day_of(UtcTime time) {
  return std::chrono::floor<days>(time).time_since_epoch().count();
}
std::int64_t week_of(UtcTime time) { return (day_of(time) + 3) / 7; }  // weeks start on Monday
std::int64_t month_of(UtcTime time) {
  const std::chrono::year_month_day date(std::chrono::floor<days>(time));
  return static_cast<int>(date.year()) * 12 + static_cast<unsigned>(date.month());
}
std::int64_t year_of(UtcTime time) {
  return static_cast<int>(std::chrono::year_month_day(std::chrono::floor<days>(time)).year());
}

// Keeps the newest of each of the last `left` periods.
struct Bucket {
  int left = 0;
  std::int64_t (*period)(UtcTime) = nullptr;
  std::optional<std::int64_t> current;

  bool take(UtcTime time) {
    const std::int64_t value = period(time);
    if (left == 0 || current == value) {
      return false;
    }
    current = value;
    --left;
    return true;
  }
};

bool carries_any(const Snapshot& snapshot, const std::vector<std::string>& tags) {
  return std::any_of(tags.begin(), tags.end(), [&](const std::string& tag) {
    return std::find(snapshot.tags.begin(), snapshot.tags.end(), tag) != snapshot.tags.end();
  });
}

}  // namespace

bool KeepPolicy::empty() const {
  return last == 0 && hourly == 0 && daily == 0 && weekly == 0 && monthly == 0 && yearly == 0 &&
         !within && tags.empty();
}

KeepDecision apply_keep_policy(std::vector<Snapshot> snapshots, const KeepPolicy& policy) {
  std::sort(snapshots.begin(), snapshots.end(),
            [](const Snapshot& a, const Snapshot& b) { return a.time > b.time; });
  KeepDecision decision;
  if (policy.empty()) {
    decision.keep = std::move(snapshots);
    return decision;
  }
  int last = policy.last;
  std::array<Bucket, 5> buckets{{{policy.hourly, hour_of, {}},
                                 {policy.daily, day_of, {}},
                                 {policy.weekly, week_of, {}},
                                 {policy.monthly, month_of, {}},
                                 {policy.yearly, year_of, {}}}};
  const UtcTime newest = snapshots.empty() ? UtcTime() : snapshots.front().time;
  for (Snapshot& snapshot : snapshots) {
    bool keep = carries_any(snapshot, policy.tags) ||
                (policy.within && newest - snapshot.time <= *policy.within);
    keep = (last > 0 && last-- > 0) || keep;
    for (Bucket& bucket : buckets) {
      keep = bucket.take(snapshot.time) || keep;
    }
    (keep ? decision.keep : decision.remove).push_back(std::move(snapshot));
  }
  return decision;
}

Status forget(Repository& repository, const std::vector<SnapshotId>& ids) {
  HF_TRY(const auto lock, repository.lock(LockKind::kExclusive));
  std::size_t failed = 0;
  std::optional<Error> first;
  for (const SnapshotId& id : ids) {
    if (const Status removed = repository.remove_snapshot(id); !removed) {
      ++failed;
      if (!first) {
        first = Error(removed.error()).with("snapshot", id.hex());
      }
    }
  }
  if (first) {
    return Error(Code::kPartial,
                 fmt::format("{} of {} snapshots could not be removed", failed, ids.size()),
                 first->retry())
        .caused_by(*first);
  }
  return {};
}

}  // namespace holdfast::repo

#include "simulators/ontap/model/cron.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/log.h"
#include "simulators/ontap/model/snapshot.h"
#include "simulators/ontap/resources/relationship_parts.h"
#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {
namespace {

using std::chrono::days;
using std::chrono::minutes;

bool holds(const JsonObject& cron, const char* field, std::int64_t value) {
  const Json* list = cron.if_contains(field);
  if (list == nullptr || !list->is_array() || list->as_array().empty()) {
    return true;
  }
  return std::ranges::any_of(
      list->as_array(), [&](const Json& one) { return one.is_int64() && one.as_int64() == value; });
}

bool schedule_matches(const Cluster& cluster, const JsonObject& reference, UtcTime minute) {
  const JsonObject* schedule = cluster.find(kind::kSchedule, text_at(reference, "uuid"));
  const Json* cron = schedule ? schedule->if_contains("cron") : nullptr;
  return cron != nullptr && cron->is_object() && cron_matches(cron->as_object(), minute);
}

// hourly.2025-04-21_0905
std::string scheduled_name(const std::string& prefix, UtcTime minute) {
  std::string time = to_time_text(minute).substr(0, 16);
  std::ranges::replace(time, 'T', '_');
  std::erase(time, ':');
  return prefix + "." + time;
}

struct DueSnapshot {
  std::string volume;
  std::string id;
  std::string prefix;
  size_t keep = 0;
};

// Reserves the snapshots that a volume's policy asks for now.
void collect_due(World& world, Cluster& cluster, const JsonObject& volume, UtcTime minute,
                 std::vector<DueSnapshot>& out) {
  const JsonObject* policy =
      cluster.find(kind::kSnapshotPolicy, text_at(volume, "snapshot_policy.uuid"));
  if (policy == nullptr || !flag_at(*policy, "enabled") || text_at(volume, "type") != "rw") {
    return;
  }
  for (const JsonObject& copy : objects_at(*policy, "copies")) {
    const Json* schedule = copy.if_contains("schedule");
    if (schedule == nullptr || !schedule->is_object() ||
        !schedule_matches(cluster, schedule->as_object(), minute)) {
      continue;
    }
    const std::string prefix = text_at(copy, "prefix");
    NewSnapshot wanted{.name = scheduled_name(prefix, minute)};
    if (!check_new_snapshot(cluster, volume, wanted.name)) {
      continue;
    }
    if (const std::string label = text_at(copy, "snapmirror_label"); !label.empty()) {
      wanted.more["snapmirror_label"] = label;
    }
    const auto period = parse_iso_duration(text_at(copy, "retention_period"));
    if (period && flag_at(volume, "snapshot_locking_enabled")) {
      wanted.more["snaplock_expiry_time"] = to_time_text(minute + std::chrono::seconds(*period));
    }
    out.push_back({text_at(volume, "uuid"),
                   reserve_snapshot(world, cluster, volume, std::move(wanted)), prefix,
                   static_cast<size_t>(int_at(copy, "count", 1))});
  }
}

// Makes one, and lets the oldest of its prefix go.
void make_due(World& world, Cluster& cluster, const DueSnapshot& due) {
  if (const Done made = fill_snapshot(world, cluster, due.volume, due.id); !made) {
    log_info("sim.scheduled_snapshot_failed",
             {{"cluster", cluster.name}, {"message", made.error().message}});
    Locked lock(world);
    cluster.remove(kind::kSnapshot, below_id(due.volume, due.id));
    return;
  }
  std::vector<std::string> own;
  {
    Locked lock(world);
    for (const JsonObject* one : snapshots_of(cluster, due.volume)) {
      if (text_at(*one, "name").starts_with(due.prefix + ".")) {
        own.push_back(text_at(*one, "uuid"));
      }
    }
  }
  for (size_t i = 0; i + due.keep < own.size(); ++i) {
    static_cast<void>(
        delete_snapshot(world, cluster, due.volume, own[i]));  // one that is in use stays
  }
}

// The relationship's own schedule, or its policy's.
bool transfer_is_due(const Cluster& cluster, const JsonObject& row, UtcTime minute) {
  const Json* schedule = row.if_contains("transfer_schedule");
  if (schedule == nullptr) {
    const JsonObject* policy = cluster.find(kind::kMirrorPolicy, text_at(row, "policy.uuid"));
    schedule = policy ? policy->if_contains("transfer_schedule") : nullptr;
  }
  return schedule != nullptr && schedule->is_object() && text_at(row, "state") == "snapmirrored" &&
         !is_transferring(row) && schedule_matches(cluster, schedule->as_object(), minute);
}

void schedule_next(World& world) {
  const Nanoseconds since = world.now().time_since_epoch() % minutes(1);
  world.later(minutes(1) - since, [&world] {
    schedule_next(world);
    run_due(world, world.now());
  });
}

}  // namespace

bool cron_matches(const JsonObject& cron, UtcTime minute) {
  const auto day = std::chrono::floor<days>(minute);
  const std::chrono::year_month_day date{day};
  const auto in_day = std::chrono::floor<minutes>(minute) - day;
  const std::int64_t at = std::chrono::duration_cast<minutes>(in_day).count();
  const bool on_the_hour = cron.contains("minutes") || at % 60 == 0;
  return on_the_hour && holds(cron, "minutes", at % 60) && holds(cron, "hours", at / 60) &&
         holds(cron, "days", static_cast<unsigned>(date.day())) &&
         holds(cron, "months", static_cast<unsigned>(date.month())) &&
         holds(cron, "weekdays", std::chrono::weekday(day).c_encoding());
}

void run_due(World& world, UtcTime now) {
  const UtcTime minute = std::chrono::floor<minutes>(now);
  for (const auto& cluster : world.clusters()) {
    std::vector<DueSnapshot> due;
    {
      Locked lock(world);
      std::vector<JsonObject> volumes;
      for (const auto& [id, volume] : cluster->rows(kind::kVolume)) {
        if (!is_pending(volume)) {
          volumes.push_back(volume);
        }
      }
      for (const JsonObject& volume : volumes) {
        collect_due(world, *cluster, volume, minute, due);
      }
      std::vector<std::string> transfers;
      for (const auto& [id, row] : cluster->rows(kind::kRelationship)) {
        if (transfer_is_due(*cluster, row, minute)) {
          transfers.push_back(id);
        }
      }
      for (const std::string& id : transfers) {
        static_cast<void>(start_transfer(
            world, *cluster,
            {.relationship = id, .transfer = {}, .type = "update"}));  // one that runs goes on
      }
    }
    for (const DueSnapshot& one : due) {
      make_due(world, *cluster, one);
    }
  }
}

void start_scheduler(World& world) { schedule_next(world); }

}  // namespace holdfast::ontap_sim

#include "simulators/ontap/model/builtin.h"

#include <initializer_list>

namespace holdfast::ontap_sim {
namespace {

struct Cron {
  const char* name;
  std::vector<int> minutes;
  std::vector<int> hours;
  std::vector<int> weekdays;
};

JsonArray numbers(const std::vector<int>& list) { return JsonArray(list.begin(), list.end()); }

void add_cron(World& world, Cluster& cluster, const Cron& one) {
  JsonObject cron{{"minutes", numbers(one.minutes)}};
  if (!one.hours.empty()) {
    cron["hours"] = numbers(one.hours);
  }
  if (!one.weekdays.empty()) {
    cron["weekdays"] = numbers(one.weekdays);
  }
  const std::string uuid = world.new_uuid();
  cluster.add(kind::kSchedule, uuid,
              {{"uuid", uuid},
               {"name", one.name},
               {"type", "cron"},
               {"scope", "cluster"},
               {"cluster", {{"name", cluster.name}, {"uuid", cluster.uuid}}},
               {"cron", std::move(cron)}});
}

struct Copy {
  const char* schedule;
  int count;
  const char* label;
};

void add_snapshot_policy(World& world, Cluster& cluster, const char* name, const char* comment,
                         std::initializer_list<Copy> copies) {
  JsonArray list;
  for (const Copy& copy : copies) {
    const JsonObject* schedule = cluster.find_by(kind::kSchedule, "name", copy.schedule);
    JsonObject one{
        {"count", copy.count}, {"prefix", copy.schedule}, {"snapmirror_label", copy.label}};
    one["schedule"] = schedule ? reference(*schedule) : JsonObject{{"name", copy.schedule}};
    list.emplace_back(std::move(one));
  }
  const std::string uuid = world.new_uuid();
  cluster.add(kind::kSnapshotPolicy, uuid,
              {{"uuid", uuid},
               {"name", name},
               {"comment", comment},
               {"enabled", true},
               {"scope", "cluster"},
               {"copies", std::move(list)},
               {"_sim_builtin", true}});
}

struct Rule {
  const char* label;
  const char* count;
};

void add_mirror_policy(World& world, Cluster& cluster, const char* name, const char* type,
                       const JsonObject& more, std::initializer_list<Rule> rules) {
  JsonArray retention;
  for (const Rule& rule : rules) {
    retention.push_back(
        {{"label", rule.label}, {"count", rule.count}, {"preserve", false}, {"warn", 0}});
  }
  const std::string uuid = world.new_uuid();
  JsonObject policy{{"uuid", uuid},        {"name", name},  {"type", type},
                    {"scope", "cluster"},  {"throttle", 0}, {"network_compression_enabled", false},
                    {"_sim_builtin", true}};
  merge(policy, more);
  if (retention.size() != 0) {
    policy["retention"] = std::move(retention);
  }
  cluster.add(kind::kMirrorPolicy, uuid, std::move(policy));
}

}  // namespace

void add_builtin_policies(World& world, Cluster& cluster) {
  for (const Cron& one :
       {Cron{"5min", {0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55}, {}, {}},
        Cron{"10min", {0, 10, 20, 30, 40, 50}, {}, {}}, Cron{"hourly", {5}, {}, {}},
        Cron{"8hour", {15}, {2, 10, 18}, {}}, Cron{"daily", {10}, {0}, {}},
        Cron{"weekly", {15}, {0}, {0}}, Cron{"monthly", {20}, {0}, {}}}) {
    add_cron(world, cluster, one);
  }
  add_snapshot_policy(world, cluster, "default",
                      "Default policy with hourly, daily & weekly schedules.",
                      {{"hourly", 6, ""}, {"daily", 2, "daily"}, {"weekly", 2, "weekly"}});
  add_snapshot_policy(world, cluster, "default-1weekly",
                      "Default policy with 6 hourly, 2 daily & 1 weekly schedule.",
                      {{"hourly", 6, ""}, {"daily", 2, "daily"}, {"weekly", 1, "weekly"}});
  add_snapshot_policy(world, cluster, "none", "Policy for no automatic snapshots.", {});
  const JsonObject all{{"copy_all_source_snapshots", true}};
  const JsonObject latest{{"copy_latest_source_snapshot", true}};
  const JsonObject vault{{"create_snapshot_on_source", false}};
  add_mirror_policy(world, cluster, "Asynchronous", "async", {},
                    {{"daily", "7"}, {"weekly", "52"}});
  add_mirror_policy(world, cluster, "MirrorAllSnapshots", "async", all, {});
  add_mirror_policy(
      world, cluster, "MirrorAllSnapshotsDiscardNetwork", "async",
      {{"copy_all_source_snapshots", true}, {"identity_preservation", "exclude_network_config"}},
      {});
  add_mirror_policy(world, cluster, "MirrorLatest", "async", latest, {});
  add_mirror_policy(world, cluster, "MirrorAndVault", "async", {},
                    {{"daily", "7"}, {"weekly", "52"}});
  add_mirror_policy(world, cluster, "MirrorAndVaultDiscardNetwork", "async",
                    {{"identity_preservation", "exclude_network_config"}},
                    {{"daily", "7"}, {"weekly", "52"}});
  add_mirror_policy(world, cluster, "XDPDefault", "async", vault,
                    {{"daily", "7"}, {"weekly", "52"}});
  add_mirror_policy(world, cluster, "DailyBackup", "async", vault, {{"daily", "7"}});
  add_mirror_policy(world, cluster, "Unified7year", "async", {},
                    {{"daily", "7"}, {"weekly", "52"}, {"monthly", "84"}});
  add_mirror_policy(world, cluster, "CloudBackupDefault", "async", vault, {{"daily", "7"}});
  add_mirror_policy(world, cluster, "Sync", "sync", {{"sync_type", "sync"}}, {});
  add_mirror_policy(world, cluster, "StrictSync", "sync", {{"sync_type", "strict_sync"}}, {});
  add_mirror_policy(world, cluster, "AutomatedFailOver", "sync",
                    {{"sync_type", "automated_failover"}}, {});
  add_mirror_policy(world, cluster, "AutomatedFailOverDuplex", "sync",
                    {{"sync_type", "automated_failover_duplex"}}, {});
  add_mirror_policy(world, cluster, "Continuous", "continuous", {}, {});
}

}  // namespace holdfast::ontap_sim

#include "domain/protect/system_figures.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/metrics.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using inventory::SystemEvent;

constexpr double kNearlyFull = 0.95;
// Of alerts, as ONTAP and Unified Manager name them.
constexpr std::array<std::string_view, 6> kSeverities = {"emergency", "alert",    "critical",
                                                         "error",     "moderate", "high"};

JsonArray svm_names(const ontap::ClusterInventory& cluster) {
  JsonArray names;
  for (const ontap::SvmInfo& svm : cluster.svms) {
    names.push_back(Json(svm.name));
  }
  return names;
}

JsonArray aggregates_of(const ontap::ClusterInventory& cluster) {
  JsonArray rows;
  for (const ontap::AggregateInfo& aggregate : cluster.aggregates) {
    rows.push_back(JsonObject{{"name", aggregate.name},
                              {"size", aggregate.size},
                              {"used", aggregate.used},
                              {"available", aggregate.available},
                              {"efficiency", aggregate.efficiency}});
  }
  return rows;
}

std::int64_t lag_seconds(const ontap::RelationInfo& relation) {
  return relation.relation.lag
             ? std::chrono::duration_cast<std::chrono::seconds>(*relation.relation.lag).count()
             : 0;
}

JsonObject relationships_of(const ontap::ClusterInventory& cluster) {
  std::int64_t healthy = 0;
  std::int64_t largest_lag = 0;
  for (const ontap::RelationInfo& relation : cluster.relations) {
    healthy += relation.relation.healthy ? 1 : 0;
    largest_lag = std::max(largest_lag, lag_seconds(relation));
  }
  return {{"healthy", healthy},
          {"unhealthy", static_cast<std::int64_t>(cluster.relations.size()) - healthy},
          {"largest_lag_seconds", largest_lag}};
}

SystemEvent alarm(const ontap::ClusterInventory& cluster, std::string id, std::string name,
                  std::string severity, std::string text, std::string resource) {
  return {std::move(id),       cluster.system,  cluster.name,        std::move(name),
          std::move(severity), std::move(text), std::move(resource), std::nullopt};
}

// Sums over the clusters of a system.
struct Sums {
  double size = 0;
  double used = 0;
  double volumes = 0;
  double healthy = 0;
  double unhealthy = 0;
  double largest_lag = 0;

  void add(const Json& cluster) {
    volumes += static_cast<double>(get_int(cluster, "volumes"));
    const Json* relationships = find(cluster, "relationships");
    healthy += static_cast<double>(get_int(*relationships, "healthy"));
    unhealthy += static_cast<double>(get_int(*relationships, "unhealthy"));
    largest_lag =
        std::max(largest_lag, static_cast<double>(get_int(*relationships, "largest_lag_seconds")));
    for (const Json& aggregate : find(cluster, "aggregates")->get_array()) {
      size += static_cast<double>(get_int(aggregate, "size"));
      used += static_cast<double>(get_int(aggregate, "used"));
    }
  }
};

struct SystemGauge {
  std::string_view name;
  std::string_view help;
  double Sums::* value;
};
constexpr std::array<SystemGauge, 6> kGauges = {{
    {"holdfast_system_space_bytes", "size of the system's aggregates", &Sums::size},
    {"holdfast_system_space_used_bytes", "used of the system's aggregates", &Sums::used},
    {"holdfast_system_volumes", "volumes on the system", &Sums::volumes},
    {"holdfast_system_relationships_healthy", "replications to the system that are healthy",
     &Sums::healthy},
    {"holdfast_system_relationships_unhealthy", "replications to the system that are not healthy",
     &Sums::unhealthy},
    {"holdfast_system_replication_lag_seconds", "largest lag of a replication to the system",
     &Sums::largest_lag},
}};
constexpr std::string_view kUp = "holdfast_system_up";
constexpr std::string_view kEvents = "holdfast_system_events_open";

bool is_of(const Json& figures, const std::string& cluster) {
  return cluster.empty() || get_string(figures, "name") == cluster ||
         get_string(figures, "uuid") == cluster;
}

}  // namespace

Json figures_of(const std::vector<ontap::ClusterInventory>& clusters) {
  JsonArray rows;
  for (const ontap::ClusterInventory& cluster : clusters) {
    rows.push_back(JsonObject{{"name", cluster.name},
                              {"uuid", cluster.uuid},
                              {"version", cluster.version},
                              {"svms", svm_names(cluster)},
                              {"volumes", static_cast<std::int64_t>(cluster.volumes.size())},
                              {"aggregates", aggregates_of(cluster)},
                              {"relationships", relationships_of(cluster)}});
  }
  return JsonObject{{"clusters", std::move(rows)}};
}

std::vector<SystemEvent> alarms_of(const ontap::ClusterInventory& cluster, bool unwatched) {
  std::vector<SystemEvent> alarms;
  for (const ontap::VolumeInfo& volume : cluster.volumes) {
    const std::string& probability = volume.attack_probability;
    if (probability == "moderate" || probability == "high") {
      const std::string name = volume.svm + ":" + volume.name;
      alarms.push_back(
          alarm(cluster, "attack/" + volume.uuid, "anti_ransomware.attack", probability,
                fmt::format("ransomware protection of {} sees a {} probability of an attack", name,
                            probability),
                name));
    }
  }
  if (!unwatched) {
    return alarms;
  }
  for (const ontap::RelationInfo& relation : cluster.relations) {
    if (!relation.relation.healthy) {
      alarms.push_back(alarm(
          cluster, "relationship/" + relation.uuid, "snapmirror.unhealthy", "error",
          fmt::format("the replication from {} to {} is not healthy: {}", relation.relation.source,
                      relation.relation.destination, relation.relation.reason),
          relation.relation.destination));
    }
  }
  for (const ontap::AggregateInfo& aggregate : cluster.aggregates) {
    const auto size = static_cast<double>(aggregate.size);
    if (size > 0 && static_cast<double>(aggregate.used) >= kNearlyFull * size) {
      alarms.push_back(alarm(cluster, "space/" + aggregate.uuid, "aggregate.nearly_full", "error",
                             fmt::format("aggregate {} is {:.0f} % full", aggregate.name,
                                         100 * static_cast<double>(aggregate.used) / size),
                             aggregate.name));
    }
  }
  return alarms;
}

void publish(const inventory::SystemLook& look) {
  const Labels labels = {{"system", look.system}};
  gauge(kUp, "1: the storage system answered at the last look, else 0", labels)
      .set(look.problem.empty() ? 1 : 0);
  if (!look.problem.empty()) {
    return;  // the figures stay as they were when it answered last
  }
  Sums sums;
  for (const Json& cluster : find(look.figures, "clusters")->get_array()) {
    sums.add(cluster);
  }
  for (const SystemGauge& one : kGauges) {
    gauge(one.name, one.help, labels).set(sums.*one.value);
  }
  for (const std::string_view severity : kSeverities) {
    const auto count = std::count_if(look.open.begin(), look.open.end(),
                                     [&](const auto& event) { return event.severity == severity; });
    gauge(kEvents, "serious events of the storage system that are open",
          {{"system", look.system}, {"severity", std::string(severity)}})
        .set(static_cast<double>(count));
  }
}

void unpublish(const std::string& system) {
  const Labels labels = {{"system", system}};
  remove_gauge(kUp, labels);
  for (const SystemGauge& one : kGauges) {
    remove_gauge(one.name, labels);
  }
  for (const std::string_view severity : kSeverities) {
    remove_gauge(kEvents, {{"system", system}, {"severity", std::string(severity)}});
  }
}

Json storage_section(const inventory::StoredSystem& system, const std::string& cluster,
                     const std::vector<SystemEvent>& open) {
  JsonArray clusters;
  std::string name = cluster;
  if (const Json* all = find(system.figures, "clusters")) {
    for (const Json& one : all->get_array()) {
      if (is_of(one, cluster)) {
        clusters.push_back(one);
        name = cluster.empty() ? "" : get_string(one, "name");
      }
    }
  }
  JsonArray events;
  for (const SystemEvent& event : open) {
    const bool here = cluster.empty() || event.cluster.empty() || event.cluster == name;
    if (event.system == system.name && here) {
      events.push_back(JsonObject{{"name", event.name},
                                  {"severity", event.severity},
                                  {"cluster", event.cluster},
                                  {"resource", event.resource},
                                  {"message", event.text},
                                  {"time", event.time ? Json(to_rfc3339(*event.time)) : Json()}});
    }
  }
  return JsonObject{
      {"system", system.name},
      {"type", system.type},
      {"problem", system.problem},
      {"asked_at", system.asked_at ? Json(to_rfc3339(*system.asked_at)) : Json()},
      {"figures_at", system.figures_at ? Json(to_rfc3339(*system.figures_at)) : Json()},
      {"clusters", std::move(clusters)},
      {"open_events", std::move(events)}};
}

}  // namespace holdfast::protect

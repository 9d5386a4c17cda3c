// What can be asked of a storage system. Everything is asked of it now; nothing here is cached.
#include <fmt/core.h>

#include <algorithm>

#include "domain/inventory/systems.h"
#include "domain/protect/system_access.h"
#include "domain/protect/systems.h"
#include "drivers/storage/ontap/connection_check.h"
#include "drivers/storage/ontap/events.h"
#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/manager.h"
#include "drivers/storage/ontap/usage.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;

constexpr Nanoseconds kEventsSince = std::chrono::hours(24);
constexpr std::string_view kUsageInterval = "1d";

bool is_manager(const ontap::System& system) {
  return system.endpoint().kind == ontap::SystemKind::kUnifiedManager;
}

Json list_of(JsonArray items) {
  return JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}};
}

// Beside what a cluster has now, what Unified Manager knows of it.
Json managed_view(const ontap::ManagerInventory& known, const std::string& cluster) {
  Json view;
  for (const ontap::ManagedCluster& one : known.clusters) {
    if (one.name == cluster) {
      view = ontap::to_json(one);
    }
  }
  if (view.is_null()) {
    return view;
  }
  const auto of_cluster = [&cluster](const auto& one) { return one.cluster == cluster; };
  view.get_object()["svms"] = std::count_if(known.svms.begin(), known.svms.end(), of_cluster);
  view.get_object()["volumes"] =
      std::count_if(known.volumes.begin(), known.volumes.end(), of_cluster);
  view.get_object()["replicated_volumes"] =
      std::count_if(known.volumes.begin(), known.volumes.end(),
                    [&](const auto& one) { return one.cluster == cluster && one.is_replicated; });
  return view;
}

Json space_view(std::uint64_t size, std::uint64_t used, std::uint64_t logical) {
  return JsonObject{{"size", size}, {"used", used}, {"logical_used", logical}};
}

// The aggregates of a cluster: from the manager's list where there is one.
Co<Result<JsonArray>> aggregates_of(ontap::ClusterPtr cluster,
                                    const ontap::ManagerInventory* known) {
  JsonArray rows;
  const auto add = [&rows](const auto& one) {
    const inventory::AggregateSpace space{"",
                                          "",
                                          one.name,
                                          static_cast<std::int64_t>(one.size),
                                          static_cast<std::int64_t>(one.used),
                                          static_cast<std::int64_t>(one.logical_used),
                                          static_cast<std::int64_t>(one.savings)};
    Json row = space_view(one.size, one.used, one.logical_used);
    row.get_object()["name"] = one.name;
    row.get_object()["state"] = one.state;
    const double efficiency = space.efficiency();
    row.get_object()["efficiency"] = efficiency == 0 ? Json() : Json(efficiency);
    rows.push_back(std::move(row));
  };
  if (known != nullptr) {
    for (const ontap::ManagedAggregate& one : known->aggregates) {
      if (one.cluster == cluster->name) {
        add(one);
      }
    }
    co_return rows;
  }
  HF_CO_TRY(const auto aggregates, co_await ontap::list_aggregates(cluster));
  for (const ontap::AggregateInfo& one : aggregates) {
    add(one);
  }
  co_return rows;
}

struct ClusterCapacity {
  JsonArray volumes;
  JsonArray groups;
};

// One call a protected volume and one a group of theirs, beside the list of volumes.
Co<Result<ClusterCapacity>> protected_capacity(ontap::ClusterPtr cluster,
                                               const CatalogKnowledge* knowledge) {
  ClusterCapacity found;
  std::map<std::string, std::string> groups;  // uuid -> name
  HF_CO_TRY(const auto volumes, co_await ontap::list_volumes(cluster, {}));
  for (const ontap::VolumeInfo& volume : volumes) {
    const auto known = knowledge->volumes.find(ontap::volume_id(*cluster, volume));
    if (known == knowledge->volumes.end()) {
      continue;
    }
    Json row = space_view(volume.size, volume.used, volume.logical_used);
    JsonObject& fields = row.get_object();
    fields["volume"] = volume.svm + ":" + volume.name;
    fields["resource"] = known->second.resource.name;
    fields["available"] = volume.available;
    fields["efficiency_ratio"] = volume.efficiency_ratio;
    HF_CO_TRY(const ontap::Usage usage,
              co_await ontap::volume_usage(cluster, volume.uuid, std::string(kUsageInterval)));
    fields["usage"] = ontap::to_json(usage);
    found.volumes.push_back(std::move(row));
    if (!volume.group.empty()) {
      groups[volume.group] = volume.group_name;
    }
  }
  for (const auto& [uuid, name] : groups) {
    HF_CO_TRY(const ontap::Usage usage,
              co_await ontap::group_usage(cluster, uuid, std::string(kUsageInterval)));
    found.groups.push_back(JsonObject{{"group", name}, {"usage", ontap::to_json(usage)}});
  }
  co_return found;
}

Co<Result<Json>> cluster_capacity(ontap::ClusterPtr cluster, const CatalogKnowledge* knowledge,
                                  const ontap::ManagerInventory* known) {
  HF_CO_TRY(JsonArray aggregates, co_await aggregates_of(cluster, known));
  HF_CO_TRY(ClusterCapacity own, co_await protected_capacity(cluster, knowledge));
  co_return Json(JsonObject{{"cluster", cluster->name},
                            {"from", known == nullptr ? "cluster" : "active-iq"},
                            {"aggregates", std::move(aggregates)},
                            {"volumes", std::move(own.volumes)},
                            {"groups", std::move(own.groups)}});
}

}  // namespace

Co<Result<Json>> test_system(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  const auto report = co_await ontap::test_connection(system, &all->data.blocking());
  Json answer = ontap::to_json(report);
  answer.get_object()["system"] = system->endpoint().name;
  co_return answer;
}

Co<Result<Json>> system_inventory(const Services& services, std::string id_or_name) {
  HF_CO_TRY(const auto system, co_await open_system(&services, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  ontap::ManagerInventory known;
  if (is_manager(*system)) {
    HF_CO_TRY(known, co_await ontap::take_manager_inventory(system));
  }
  JsonArray items;
  for (const ontap::ClusterPtr& cluster : clusters) {
    auto found = co_await ontap::take_inventory(cluster);
    items.push_back(found ? ontap::to_json(*found)
                          : Json(JsonObject{{"uuid", cluster->uuid},
                                            {"name", cluster->name},
                                            {"problem", found.error().to_string()}}));
    items.back().get_object()["active_iq"] = managed_view(known, cluster->name);
  }
  co_return list_of(std::move(items));
}

Co<Result<Json>> system_capacity(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  HF_CO_TRY(const CatalogKnowledge knowledge, co_await catalog_knowledge(all));
  std::optional<ontap::ManagerInventory> known;
  if (is_manager(*system)) {
    HF_CO_TRY(known, co_await ontap::take_manager_capacity(system));
  }
  JsonArray items;
  for (const ontap::ClusterPtr& cluster : clusters) {
    auto row = co_await cluster_capacity(cluster, &knowledge, known ? &*known : nullptr);
    items.push_back(
        row ? *std::move(row)
            : Json(JsonObject{{"cluster", cluster->name}, {"problem", row.error().to_string()}}));
  }
  co_return list_of(std::move(items));
}

Co<Result<Json>> system_events(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  JsonArray items;
  if (is_manager(*system)) {
    HF_CO_TRY(const auto events, co_await ontap::open_events(system));
    for (const ontap::StorageEvent& event : events) {
      items.push_back(ontap::to_json(event));
    }
  }
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  const UtcTime since = all->server.clock.now() - kEventsSince;
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY(const auto events, co_await ontap::ems_events(cluster, since));
    for (const ontap::StorageEvent& event : events) {
      items.push_back(ontap::to_json(event));
    }
  }
  co_return list_of(std::move(items));
}

Co<Result<Json>> acknowledge_event(const Services& services, Caller caller, std::string id_or_name,
                                   std::string event) {
  const ServerContext* server = &services.server;
  HF_CO_TRY(const auto system, co_await open_system(&services, std::move(id_or_name)));
  HF_CO_TRY_VOID(co_await ontap::acknowledge_event(system, event, caller.principal.name));
  const std::string target = system->endpoint().name + "/" + event;
  HF_CO_TRY_VOID(co_await server->db.write([=](db::Connection& sql) -> Status {
    return note_system(sql, *server, caller, "system.event_acknowledged", target, Json());
  }));
  co_return Json(JsonObject{{"id", event}, {"state", "acknowledged"}});
}

Co<Result<Json>> annotate_event(const Services& services, Caller caller, std::string id_or_name,
                                std::string event, std::string text) {
  const ServerContext* server = &services.server;
  HF_CO_TRY(const auto system, co_await open_system(&services, std::move(id_or_name)));
  HF_CO_TRY_VOID(co_await ontap::annotate_event(system, event, text));
  const std::string target = system->endpoint().name + "/" + event;
  HF_CO_TRY_VOID(co_await server->db.write([=](db::Connection& sql) -> Status {
    return note_system(sql, *server, caller, "system.event_annotated", target, Json(text));
  }));
  co_return Json(JsonObject{{"id", event}, {"annotation", text}});
}

}  // namespace holdfast::protect

// What can be asked of a storage system. Everything is asked of it now; nothing here is cached.
#include <fmt/core.h>

#include <algorithm>

#include "domain/protect/noted.h"
#include "domain/protect/system_access.h"
#include "domain/protect/systems.h"
#include "drivers/storage/ontap/connection_check.h"
#include "drivers/storage/ontap/events.h"
#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/manager.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;

constexpr Nanoseconds kEventsSince = std::chrono::hours(24);

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
    return note(sql, *server, caller, {.action = "system.event_acknowledged", .target = target});
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
    return note(sql, *server, caller,
                {.action = "system.event_annotated",
                 .target = target,
                 .payload_hash = hash_of(Json(text))});
  }));
  co_return Json(JsonObject{{"id", event}, {"annotation", text}});
}

}  // namespace holdfast::protect

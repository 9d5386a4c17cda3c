// How full and how busy a storage system is. Behind Unified Manager its own samples are used, which
// cost the clusters nothing and may be 15 minutes old; groups it does not know, nor volumes that
// were made since.
#include "domain/protect/system_access.h"
#include "domain/protect/systems.h"
#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/manager.h"
#include "drivers/storage/ontap/usage.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;

const std::string kInterval = "1d";

// What Unified Manager knows; no system: there is none in front.
struct Managed {
  std::shared_ptr<ontap::System> system;
  ontap::ManagerInventory inventory;
  std::vector<ontap::ManagedLoad> loads;
};

Co<Result<Managed>> ask_manager(std::shared_ptr<ontap::System> system) {
  Managed found;
  if (system->endpoint().kind == ontap::SystemKind::kUnifiedManager) {
    HF_CO_TRY(found.inventory, co_await ontap::take_manager_capacity(system));
    HF_CO_TRY(found.loads, co_await ontap::aggregate_loads(system));
    found.system = std::move(system);
  }
  co_return found;
}

Json space_view(std::uint64_t size, std::uint64_t used, std::uint64_t logical) {
  return JsonObject{{"size", size}, {"used", used}, {"logical_used", logical}};
}

template <class Aggregate>
Json aggregate_view(const Aggregate& one) {
  Json row = space_view(one.size, one.used, one.logical_used);
  JsonObject& fields = row.get_object();
  fields["name"] = one.name;
  fields["state"] = one.state;
  fields["savings"] = one.savings;
  fields["efficiency"] = one.logical_used <= one.savings
                             ? Json()
                             : Json(static_cast<double>(one.logical_used) /
                                    static_cast<double>(one.logical_used - one.savings));
  return row;
}

Co<Result<JsonArray>> aggregates_of(ontap::ClusterPtr cluster, const Managed* managed) {
  JsonArray rows;
  if (!managed->system) {
    HF_CO_TRY(const auto aggregates, co_await ontap::list_aggregates(cluster));
    for (const ontap::AggregateInfo& one : aggregates) {
      rows.push_back(aggregate_view(one));
    }
    co_return rows;
  }
  for (const ontap::ManagedAggregate& one : managed->inventory.aggregates) {
    if (one.cluster != cluster->name) {
      continue;
    }
    rows.push_back(aggregate_view(one));
    for (const ontap::ManagedLoad& load : managed->loads) {
      if (load.cluster == one.cluster && load.name == one.name) {
        rows.back().get_object()["load"] = ontap::to_json(load);
      }
    }
  }
  co_return rows;
}

Co<Result<ontap::Usage>> usage_of(ontap::ClusterPtr cluster, std::string volume,
                                  const Managed* managed) {
  if (managed->system) {
    auto seen =
        co_await ontap::managed_volume_usage(managed->system, cluster->uuid, volume, kInterval);
    if (seen || seen.error().code() != Code::kNotFound) {
      co_return seen;
    }
  }
  co_return co_await ontap::volume_usage(cluster, std::move(volume), kInterval);
}

struct Protected {
  JsonArray volumes;
  JsonArray groups;
};

// One call a protected volume and one a group of theirs, beside the list of volumes.
Co<Result<Protected>> protected_on(ontap::ClusterPtr cluster, const CatalogKnowledge* knowledge,
                                   const Managed* managed) {
  Protected found;
  std::map<std::string, std::string> groups;  // uuid -> name
  HF_CO_TRY(const auto volumes, co_await ontap::list_volumes(cluster, {}));
  for (const ontap::VolumeInfo& volume : volumes) {
    const auto known = knowledge->volumes.find(ontap::volume_id(*cluster, volume));
    if (known == knowledge->volumes.end()) {
      continue;
    }
    HF_CO_TRY(const ontap::Usage usage, co_await usage_of(cluster, volume.uuid, managed));
    Json row = space_view(volume.size, volume.used, volume.logical_used);
    JsonObject& fields = row.get_object();
    fields["volume"] = volume.svm + ":" + volume.name;
    fields["resource"] = known->second.resource.name;
    fields["available"] = volume.available;
    fields["efficiency_ratio"] = volume.efficiency_ratio;
    fields["usage"] = ontap::to_json(usage);
    found.volumes.push_back(std::move(row));
    if (!volume.group.empty()) {
      groups[volume.group] = volume.group_name;
    }
  }
  for (const auto& [uuid, name] : groups) {
    HF_CO_TRY(const ontap::Usage usage, co_await ontap::group_usage(cluster, uuid, kInterval));
    found.groups.push_back(JsonObject{{"group", name}, {"usage", ontap::to_json(usage)}});
  }
  co_return found;
}

Co<Result<Json>> capacity_of(ontap::ClusterPtr cluster, const CatalogKnowledge* knowledge,
                             const Managed* managed) {
  HF_CO_TRY(JsonArray aggregates, co_await aggregates_of(cluster, managed));
  HF_CO_TRY(Protected own, co_await protected_on(cluster, knowledge, managed));
  co_return Json(JsonObject{{"cluster", cluster->name},
                            {"from", managed->system ? "active-iq" : "cluster"},
                            {"aggregates", std::move(aggregates)},
                            {"volumes", std::move(own.volumes)},
                            {"groups", std::move(own.groups)}});
}

}  // namespace

Co<Result<Json>> system_capacity(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  HF_CO_TRY(const CatalogKnowledge knowledge, co_await catalog_knowledge(all));
  HF_CO_TRY(const Managed managed, co_await ask_manager(system));
  JsonArray items;
  for (const ontap::ClusterPtr& cluster : clusters) {
    auto row = co_await capacity_of(cluster, &knowledge, &managed);
    items.push_back(
        row ? *std::move(row)
            : Json(JsonObject{{"cluster", cluster->name}, {"problem", row.error().to_string()}}));
  }
  co_return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

}  // namespace holdfast::protect

#include "domain/protect/system_access.h"

#include <fmt/core.h>

#include <algorithm>

#include "domain/inventory/catalog.h"
#include "domain/inventory/systems.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::protect {

namespace ontap = storage::ontap;
using async::Co;

Co<Result<std::shared_ptr<ontap::System>>> open_system(const Services* services,
                                                       std::string id_or_name) {
  HF_CO_TRY(const inventory::StoredSystem stored,
            co_await services->server.db.read([id_or_name](db::Connection& sql) {
              return inventory::find_system(sql, id_or_name);
            }));
  auto system = services->data.systems().find(stored.name);
  if (!system) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("storage system '{}' cannot be used: its document or a file that "
                                "it names is wrong; add it again",
                                stored.name));
  }
  co_return system;
}

Co<Result<RunningRuns>> running_runs(const Services* services) {
  flow::ListQuery query;
  query.statuses = {flow::RunStatus::kRunning};
  query.limit = 1000;
  RunningRuns running;
  do {
    HF_CO_TRY(const flow::RunPage page, co_await services->flow.list(query));
    for (const flow::RunSummary& run : page.runs) {
      running.clones.insert(ontap::clone_volume_name(run.workflow_id.text()));
      if (run.type == "data_recovery") {
        running.recovered.insert(get_string(Json(run.search_attributes), "resource_id"));
      }
    }
    query.page_key = page.next_page_key;
  } while (!query.page_key.empty());
  co_return running;
}

Co<Result<CatalogKnowledge>> catalog_knowledge(const Services* services) {
  struct Rows {
    std::vector<inventory::Resource> resources;
    std::set<std::string> points;
    std::set<std::string> locations;
  };
  HF_CO_TRY(const Rows rows,
            co_await services->server.db.read([](db::Connection& sql) -> Result<Rows> {
              Rows found;
              HF_TRY(found.resources, inventory::list_resources(sql));
              HF_TRY(const auto copies,
                     sql.all("SELECT snapshot_id, method, location FROM copies WHERE state = "
                             "'available' AND method IN ('ontap_snapshot', 'snapmirror', "
                             "'snapmirror_cloud')"));
              for (const db::Row& row : copies) {
                found.points.insert(row.text(0));
                if (row.text(1) != "ontap_snapshot") {
                  found.locations.insert(row.text(2));
                }
              }
              return found;
            }));
  CatalogKnowledge known{{}, rows.points, rows.locations, {}};
  HF_CO_TRY(known.running, co_await running_runs(services));
  ontap::VolumeLists lists;  // each SVM is asked once, however many resources lie on it
  for (const inventory::Resource& resource : rows.resources) {
    if (resource.driver != "ontap" || !resource.agent.empty()) {
      continue;
    }
    const auto place = services->data.systems().place_of(resource.path);
    if (!place) {
      continue;
    }
    auto located = co_await ontap::locate(*place, &lists);
    if (located) {
      storage::Volume volume{.id = ontap::volume_id(*located->cluster, located->volume),
                             .root = std::move(located->root),
                             .path = resource.path,
                             .not_included = std::move(located->junctions_in)};
      const std::string id = volume.id;
      known.volumes.emplace(id, ProtectedVolume{resource, std::move(volume)});
    }
  }
  co_return known;
}

bool is_being_recovered(const CatalogKnowledge& knowledge, const std::string& volume_id) {
  const auto found = knowledge.volumes.find(volume_id);
  return found != knowledge.volumes.end() &&
         knowledge.running.recovered.contains(found->second.resource.id.text());
}

ontap::Known known_on(std::shared_ptr<const CatalogKnowledge> knowledge,
                      const std::string& cluster) {
  ontap::Known known;
  known.is_protected = [knowledge](const std::string& id) {
    return knowledge->volumes.contains(id);
  };
  known.has_point = [knowledge](const std::string& name) {
    return knowledge->points.contains(name);
  };
  known.clone_in_use = [knowledge](const std::string& volume) {
    return ontap::is_clone_of(volume, knowledge->running.clones);
  };
  known.is_being_recovered = [knowledge](const std::string& id) {
    return is_being_recovered(*knowledge, id);
  };
  known.drives_relation = [knowledge, cluster](const std::string& destination) {
    return knowledge->replicas.contains(cluster + "/" + destination);
  };
  return known;
}

}  // namespace holdfast::protect

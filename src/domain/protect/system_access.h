// What the services on storage systems share; of this room only.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "domain/inventory/model.h"
#include "domain/protect/services.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::protect {

// kNotFound: no such system; kFailedPrecondition: it cannot be used as it is described.
async::Co<Result<std::shared_ptr<storage::ontap::System>>> open_system(const Services* services,
                                                                       std::string id_or_name);

// A protected volume: whose it is, and how the driver names it.
struct ProtectedVolume {
  inventory::Resource resource;
  storage::Volume volume;
};

// What runs that are not over may be working on.
struct RunningRuns {
  std::set<std::string> clones;     // volumes by name: proofs, and copies brought back
  std::set<std::string> recovered;  // resources by id that a recovery reads
};
async::Co<Result<RunningRuns>> running_runs(const Services* services);

// What the catalog knows, read once, so that the driver can ask it while it looks.
struct CatalogKnowledge {
  std::map<std::string, ProtectedVolume> volumes;  // by Volume::id
  std::set<std::string> points;                    // names of their snapshots
  std::set<std::string> replicas;                  // CLUSTER/svm:volume that levels copy to
  RunningRuns running;
};
async::Co<Result<CatalogKnowledge>> catalog_knowledge(const Services* services);
// Whether a recovery runs that reads this volume.
bool is_being_recovered(const CatalogKnowledge& knowledge, const std::string& volume_id);
// As the driver asks it, about one cluster.
storage::ontap::Known known_on(std::shared_ptr<const CatalogKnowledge> knowledge,
                               const std::string& cluster);

}  // namespace holdfast::protect

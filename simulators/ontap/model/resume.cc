#include "simulators/ontap/model/resume.h"

#include "core/base/log.h"
#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/resources/group_parts.h"
#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/snapmirror/relationship.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

void drop_pending(Cluster& cluster, std::string_view kind) {
  std::vector<std::string> ids;
  for (const auto& [id, row] : cluster.rows(kind)) {
    if (is_pending(row)) {
      ids.push_back(id);
    }
  }
  for (const std::string& id : ids) {
    const JsonObject row = *cluster.find(kind, id);
    if (kind == kind::kVolume) {
      if (flag_at(row, "clone.is_flexclone")) {
        remove_owner(cluster,
                     below_id(text_at(row, "clone.parent_volume.uuid"),
                              text_at(row, "clone.parent_snapshot.uuid")),
                     id);
      }
      if (const Status gone = remove_tree(volume_folder(cluster, row)); !gone) {
        log_warn("sim.left_behind", {{"error", gone.error().to_string()}});
      }
    }
    cluster.remove(kind, id);
  }
}

}  // namespace

void resume(World& world, Cluster& cluster) {
  fail_interrupted_jobs(world, cluster);
  fail_interrupted_transfers(world, cluster);
  stop_splits(cluster);
  drop_uncommitted(world, cluster);
  for (const std::string_view kind :
       {kind::kVolume, kind::kSnapshot, kind::kRelationship, kind::kGroup, kind::kGroupSnapshot}) {
    drop_pending(cluster, kind);
  }
  if (const Status gone = remove_tree(cluster.folder + "/.work"); !gone) {
    log_warn("sim.left_behind", {{"error", gone.error().to_string()}});
  }
  if (const Status made = make_folder(cluster.folder + "/.work"); !made) {
    log_warn("sim.left_behind", {{"error", made.error().to_string()}});
  }
}

}  // namespace holdfast::ontap_sim

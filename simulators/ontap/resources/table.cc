#include "simulators/ontap/resources/resources.h"

namespace holdfast::ontap_sim {

const Table& ontap_table() {
  static const Table table = [] {
    Table all;
    add_cluster_resources(all);
    add_peer_resources(all);
    add_svm_resources(all);
    add_snapshot_resources(all);
    add_file_resources(all);
    add_file_operations(all);
    add_volume_resources(all);
    add_policy_resources(all);
    add_relationship_resources(all);
    add_group_resources(all);
    add_event_resources(all);
    add_metric_resources(all);
    add_extra_resources(all);
    add_recovery_queue(all);
    add_private_cli(all);
    return all;
  }();
  return table;
}

}  // namespace holdfast::ontap_sim

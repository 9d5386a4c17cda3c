// Every part of the API of a cluster puts its resources and routes into the table.
#pragma once

#include "simulators/ontap/rest/resource.h"

namespace holdfast::ontap_sim {

void add_cluster_resources(Table& table);   // /cluster, nodes, jobs, schedules
void add_peer_resources(Table& table);      // /cluster/peers, /svm/peers
void add_svm_resources(Table& table);       // /svm/svms, /storage/aggregates
void add_volume_resources(Table& table);    // /storage/volumes
void add_snapshot_resources(Table& table);  // /storage/volumes/{}/snapshots
void add_file_resources(Table& table);      // /storage/volumes/{}/files
void add_file_operations(Table& table);     // /storage/file/*, /storage/directory-restore
void add_recovery_queue(Table& table);      // /private/cli/volume/recovery-queue

void add_policy_resources(Table& table);  // /snapmirror/policies, snapshot policies, /cloud/targets
void add_event_resources(Table& table);   // /support/ems
void add_metric_resources(Table& table);  // .../metrics, counter tables
void add_private_cli(Table& table);       // /private/cli
void add_extra_resources(Table& table);   // LIFs, qtrees, quotas, anti-ransomware
void add_group_resources(Table& table);   // /application/consistency-groups
void add_relationship_resources(Table& table);  // /snapmirror/relationships and transfers

}  // namespace holdfast::ontap_sim

// When a cluster does something by itself: job schedules, and the snapshot policies that use them.
#pragma once

#include <string>
#include <vector>

#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

// Five fields (minute, hour, day, month, weekday; lists, ranges and steps, no names) as the body of
// a schedule: a field that is `*` is left out. kInvalidArgument says which field is wrong.
Result<Json> cron_body(const std::string& cron);

// Makes a schedule of this name, or takes the one that is there. `cron` as in cron_body().
// kConflict: there is one of this name that runs at other times.
async::Co<Status> put_schedule(ClusterPtr cluster, std::string name, std::string cron);

struct SnapshotPolicyCopy {
  std::string schedule;
  std::string label;  // snapmirror_label
  int count = 0;
  std::string retention;  // ISO 8601; how long it is locked; empty: not
};
// What a cluster snapshots by itself; Holdfast reads these and never changes them.
struct SnapshotPolicyInfo {
  std::string uuid;
  std::string name;
  std::string svm;  // empty: of the cluster
  bool enabled = false;
  std::vector<SnapshotPolicyCopy> copies;
};
async::Co<Result<std::vector<SnapshotPolicyInfo>>> list_snapshot_policies(ClusterPtr cluster);

}  // namespace holdfast::storage::ontap

// The parts of /storage/volumes: each operation has a file of its own.
#pragma once

#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/snapshot.h"
#include "simulators/ontap/resources/resources.h"

namespace holdfast::ontap_sim {

inline constexpr std::string_view kQueuedVolume = "queued_volume";  // in the recovery queue

const Schema& volume_schema();

Outcome<Answer> create_volume(Call& call, JsonObject body);
Outcome<Answer> clone_volume(Call& call, JsonObject body);
Outcome<Answer> modify_volume(Call& call, const JsonObject& volume, JsonObject body);
Outcome<Answer> remove_volume(Call& call, const JsonObject& volume);
// PATCH with restore_to.*: the whole volume, or one file of it.
Outcome<Answer> restore_to(Call& call, const JsonObject& volume, const JsonObject& wanted);
// PATCH of clone.split_initiated: a job splits the clone. 918248: it is none, or its split runs.
Outcome<Answer> start_split(Call& call, const JsonObject& volume, const JsonObject& body);
// A clone becomes a volume of its own; one whose split fails stays a clone. From a job.
Done split_clone(JobRun& run, const std::string& volume);
// At start: no split runs any more.
void stop_splits(Cluster& cluster);

// 1245212: the aggregate has less than `bytes` left.
Done check_aggregate(const Cluster& cluster, const JsonObject& aggregate, std::int64_t bytes);
// 918252: not absolute, or taken in this SVM.
Done check_junction(const Cluster& cluster, const JsonObject& svm, std::string_view volume,
                    std::string_view path);
// Removes a volume with everything in it and what it held elsewhere. From a job.
Done destroy_volume(World& world, Cluster& cluster, std::string_view kind, const std::string& uuid);
// Whether a clone depends on one of its snapshots, also one in the recovery queue.
bool has_clones(const Cluster& cluster, std::string_view volume);
// Removes from the recovery queue what lies there longer than 12 hours.
void purge_expired(World& world, Cluster& cluster);

// 1245212: a tree quota does not let `more` bytes be written at this path.
Done check_quota(const Cluster& cluster, const JsonObject& volume, std::string_view path,
                 std::int64_t more);

// A path of a client below `top`: without dot segments, and not through a link that leads out.
// 6684674: no such path.
Outcome<std::string> path_below(const std::string& top, std::string_view path);

}  // namespace holdfast::ontap_sim

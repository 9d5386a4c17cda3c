// Jobs: what an asynchronous call starts, and what /cluster/jobs tells about it.
//
//   queued -> running -> success | failure;  queued | running <-> paused;  any of these -> failure
//   by cancel
//
// A job takes at least Config::job_time. One that a restart interrupted is a failure afterwards.
#pragma once

#include <functional>
#include <string>

#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

// What a job's work sees of its job. The work runs on the pool without the world's lock.
class JobRun {
 public:
  JobRun(World& world, Cluster& cluster, std::string id)
      : world_(world), cluster_(cluster), id_(std::move(id)) {}

  World& world() const { return world_; }
  Cluster& cluster() const { return cluster_; }
  const std::string& id() const { return id_; }
  // Somebody cancelled the job, or the world ends.
  bool cancelled() const;

 private:
  World& world_;
  Cluster& cluster_;
  std::string id_;
};

struct JobSpec {
  std::string description;  // "POST /api/storage/volumes/..."
  JsonObject svm;           // name and uuid, or empty
  std::move_only_function<Done(JobRun&)> work;
  // Undoes what the call reserved, when the work failed or never ran. Under the lock.
  std::move_only_function<void()> undo;
};

// Under the lock: writes the job and has it run. The job's uuid.
std::string start_job(World& world, Cluster& cluster, JobSpec spec);

// PATCH /cluster/jobs/{uuid}?action=...; codes 458762, 458771, 458773.
Done control_job(World& world, Cluster& cluster, const std::string& id, const std::string& action);

// At start: what was under way is a failure now.
void fail_interrupted_jobs(World& world, Cluster& cluster);

bool is_terminal(std::string_view state);

}  // namespace holdfast::ontap_sim

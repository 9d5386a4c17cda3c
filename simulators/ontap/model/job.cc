#include "simulators/ontap/model/job.h"

#include <fmt/core.h>

#include "core/base/log.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::int64_t kJobFailed = 460770;
constexpr auto kPausePoll = std::chrono::milliseconds(20);

void end_job(World& world, Cluster& cluster, const std::string& id, const Done& outcome) {
  JsonObject* job = cluster.edit(kind::kJob, id);
  if (job == nullptr) {
    return;
  }
  (*job)["end_time"] = world.now_text();
  if (outcome) {
    (*job)["state"] = "success";
    (*job)["message"] = "Complete: Successful";
    (*job)["code"] = 0;
    return;
  }
  const Fault& fault = outcome.error();
  (*job)["state"] = "failure";
  (*job)["message"] = fault.message;
  (*job)["code"] = fault.code;
  JsonObject error{{"message", fault.message}, {"code", std::to_string(fault.code)}};
  (*job)["error"] = std::move(error);
}

struct Running {
  JobRun run;
  JobSpec spec;
};

// Waits while somebody has paused the job; false when it was cancelled.
bool ready(Running& job) {
  while (true) {
    {
      Locked lock(job.run.world());
      JsonObject* record = job.run.cluster().edit(kind::kJob, job.run.id());
      const std::string state = record ? text_at(*record, "state") : "failure";
      if (is_terminal(state)) {
        return false;
      }
      if (state != "paused") {
        (*record)["state"] = "running";
        return true;
      }
    }
    if (!job.run.world().wait(kPausePoll)) {
      return false;
    }
  }
}

// The failure that the job is scripted to end with, if any.
Done scripted_failure(World& world, const Cluster& cluster, const std::string& description) {
  const auto rule = world.faults().take("job_failure", {cluster.name, "", description, ""});
  if (!rule) {
    return {};
  }
  return Fault(500, int_at(rule->values, "code", kJobFailed),
               text_at(rule->values, "message", "The job failed: an internal error occurred."));
}

void run_job(const std::shared_ptr<Running>& job) {
  World& world = job->run.world();
  Cluster& cluster = job->run.cluster();
  Done outcome;
  const bool go = ready(*job);
  if (go) {
    outcome = scripted_failure(world, cluster, job->spec.description);
    if (outcome) {
      outcome = job->spec.work(job->run);
    }
  }
  Locked lock(world);
  if ((!go || !outcome) && job->spec.undo) {
    job->spec.undo();
  }
  const JsonObject* record = cluster.find(kind::kJob, job->run.id());
  if (record != nullptr && !is_terminal(text_at(*record, "state"))) {
    end_job(world, cluster, job->run.id(), outcome);
  }
  if (!outcome) {
    log_info("sim.job_failed", {{"cluster", cluster.name},
                                {"job", job->run.id()},
                                {"code", outcome.error().code},
                                {"message", outcome.error().message}});
  }
}

}  // namespace

bool is_terminal(std::string_view state) { return state == "success" || state == "failure"; }

bool JobRun::cancelled() const {
  Locked lock(world_);
  const JsonObject* job = cluster_.find(kind::kJob, id_);
  return world_.stopping().stop_requested() || job == nullptr ||
         is_terminal(text_at(*job, "state"));
}

std::string start_job(World& world, Cluster& cluster, JobSpec spec) {
  const std::string id = world.new_uuid();
  JsonObject job{{"uuid", id},        {"description", spec.description},
                 {"state", "queued"}, {"message", ""},
                 {"code", 0},         {"start_time", world.now_text()}};
  for (const auto& [node_id, node] : cluster.rows(kind::kNode)) {
    job["node"] = {{"name", text_at(node, "name")}};
    break;
  }
  if (!spec.svm.empty()) {
    job["svm"] = spec.svm;
  }
  const std::string description = spec.description;
  const bool stuck =
      world.faults().take("stuck_job", {cluster.name, "", description, ""}).has_value();
  if (stuck) {
    job["state"] = "running";
  }
  cluster.add(kind::kJob, id, std::move(job));
  if (!stuck) {
    auto running = std::make_shared<Running>(Running{JobRun(world, cluster, id), std::move(spec)});
    Nanoseconds time = world.config().job_time;
    if (const auto slow = world.faults().take("slow_job", {cluster.name, "", description, ""})) {
      time += std::chrono::milliseconds(int_at(slow->values, "milliseconds", 1000));
    }
    world.later(time, [running] { run_job(running); });
  }
  return id;
}

Done control_job(World& world, Cluster& cluster, const std::string& id, const std::string& action) {
  JsonObject* job = cluster.edit(kind::kJob, id);
  if (job == nullptr) {
    return not_found("uuid");
  }
  const std::string state = text_at(*job, "state");
  if (is_terminal(state)) {
    return bad(458762, "The job has already ended.", "action");
  }
  if (action == "cancel") {
    end_job(world, cluster, id, Fault(500, kJobFailed, "The job was cancelled by the user."));
  } else if (action == "pause") {
    if (state == "paused") {
      return bad(458771, "The job is paused already.", "action");
    }
    (*job)["state"] = "paused";
  } else if (action == "resume") {
    if (state != "paused") {
      return bad(458773, "The job is not paused.", "action");
    }
    (*job)["state"] = "queued";
  } else {
    return bad(262197,
               fmt::format("The value \"{}\" is invalid for field \"action\" (cancel|pause|resume)",
                           action),
               "action");
  }
  return {};
}

void fail_interrupted_jobs(World& world, Cluster& cluster) {
  std::vector<std::string> open;
  for (const auto& [id, job] : cluster.rows(kind::kJob)) {
    if (!is_terminal(text_at(job, "state"))) {
      open.push_back(id);
    }
  }
  for (const std::string& id : open) {
    end_job(world, cluster, id,
            Fault(500, kJobFailed, "The job was interrupted by a restart of the cluster."));
  }
}

}  // namespace holdfast::ontap_sim

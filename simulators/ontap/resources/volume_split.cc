// Splits of clones from their parents: percent by percent, and seen only while they run.
#include "simulators/ontap/resources/volume_parts.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::int64_t kSplitFailed = 460770;
constexpr int kSteps = 4;

// What a stopped split has done is not told: the next one begins at nothing.
void note_stopped(Cluster& cluster, const std::string& uuid) {
  JsonObject* clone = cluster.edit(kind::kVolume, uuid);
  if (clone != nullptr && flag_at(*clone, "clone.is_flexclone")) {
    set(*clone, "clone.split_initiated", Json(false));
    set(*clone, "clone.split_complete_percent", Json(0));
  }
}

// The failure that the split is scripted to end with, if any.
Done scripted_failure(World& world, const Cluster& cluster, const JsonObject& clone) {
  const auto rule = world.faults().take(
      "split_failure",
      {cluster.name, "", text_at(clone, "svm.name") + ":" + text_at(clone, "name"), ""});
  if (!rule) {
    return {};
  }
  return Fault(500, int_at(rule->values, "code", kSplitFailed),
               text_at(rule->values, "message", "The split failed: an internal error occurred."));
}

Done check_room(const Cluster& cluster, const JsonObject& clone) {
  const auto aggregates = objects_at(clone, "aggregates");
  const JsonObject* aggregate = cluster.find(kind::kAggregate, text_at(aggregates.front(), "uuid"));
  return aggregate == nullptr ? Done()
                              : check_aggregate(cluster, *aggregate, int_at(clone, "size"));
}

Done split_blocks(JobRun& run, const std::string& uuid) {
  World& world = run.world();
  Cluster& cluster = run.cluster();
  for (int step = 1; step <= kSteps; ++step) {
    if (!world.wait(world.config().transfer_time / kSteps) || run.cancelled()) {
      return Fault(500, kSplitFailed, "The split was stopped.");
    }
    Locked lock(world);
    JsonObject* clone = cluster.edit(kind::kVolume, uuid);
    if (clone == nullptr) {
      return not_found("uuid");
    }
    if (step < kSteps) {
      set(*clone, "clone.split_complete_percent", Json(step * 100 / kSteps));
      continue;
    }
    HF_TRY_VOID(scripted_failure(world, cluster, *clone));
    HF_TRY_VOID(check_room(cluster, *clone));
    const std::string row = below_id(text_at(*clone, "clone.parent_volume.uuid"),
                                     text_at(*clone, "clone.parent_snapshot.uuid"));
    (*clone)["clone"] = {{"is_flexclone", false}};
    remove_owner(cluster, row, uuid);
  }
  return {};
}

}  // namespace

Done split_clone(JobRun& run, const std::string& uuid) {
  const Done done = split_blocks(run, uuid);
  if (!done) {
    Locked lock(run.world());
    note_stopped(run.cluster(), uuid);
  }
  return done;
}

Outcome<Answer> start_split(Call& call, const JsonObject& volume, const JsonObject& body) {
  constexpr std::string_view kField = "clone.split_initiated";
  if (!flag_at(body, kField) || !flag_at(volume, "clone.is_flexclone")) {
    return bad(918248, "\"clone.split_initiated\" is true and stands for a FlexClone volume.",
               std::string(kField));
  }
  if (flag_at(volume, kField)) {
    return bad(918248, "The split of this FlexClone volume is under way.", std::string(kField));
  }
  const std::string uuid = text_at(volume, "uuid");
  set(*call.cluster.edit(kind::kVolume, uuid), kField, Json(true));
  JobSpec spec;
  spec.description = describe_call(call);
  spec.svm = *at(volume, "svm")->if_object();
  spec.work = [uuid](JobRun& run) { return split_clone(run, uuid); };
  spec.undo = [&cluster = call.cluster, uuid] { note_stopped(cluster, uuid); };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

void stop_splits(Cluster& cluster) {
  std::vector<std::string> open;
  for (const auto& [id, volume] : cluster.rows(kind::kVolume)) {
    if (flag_at(volume, "clone.split_initiated")) {
      open.push_back(id);
    }
  }
  for (const std::string& id : open) {
    note_stopped(cluster, id);
  }
}

}  // namespace holdfast::ontap_sim

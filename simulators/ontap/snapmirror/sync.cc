// The real one carries every write over before it is acknowledged. Here a volume is a folder that
// any program writes to, so the folders are looked at several times a second instead: the
// destination is behind by that much, and a failure in between loses it.
#include "simulators/ontap/snapmirror/sync.h"

#include "simulators/ontap/model/ems.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/resources/relationship_parts.h"
#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {
namespace {

// File systems keep times in ticks: what changed within one may change again and look the same.
constexpr std::int64_t kTick = 20'000'000;  // nanoseconds

std::int64_t now_of(World& world) { return world.now().time_since_epoch().count(); }

}  // namespace

std::vector<SyncMirrors::Due> SyncMirrors::all(World& world) {
  std::vector<Due> found;
  Locked lock(world);
  for (const auto& cluster : world.clusters()) {
    for (const auto& [id, row] : cluster->rows(kind::kRelationship)) {
      const std::string state = text_at(row, "state");
      const JsonObject* policy = cluster->find(kind::kMirrorPolicy, text_at(row, "policy.uuid"));
      if (policy == nullptr || text_at(*policy, "type") == "async" || is_transferring(row) ||
          (state != "in_sync" && state != "out_of_sync")) {
        continue;
      }
      Due due{.cluster = cluster.get(), .id = id, .state = state};
      due.source_is_dead =
          world.faults().peek("down", text_at(row, "source.cluster.name")).has_value();
      const auto pairs = pairs_of(row);
      Cluster* source = source_cluster(world, row);
      const JsonObject* volume = source != nullptr && !pairs.empty()
                                     ? source->find(kind::kVolume, pairs.front().source)
                                     : nullptr;
      due.source = volume == nullptr ? "" : volume_folder(*source, *volume);
      found.push_back(std::move(due));
    }
  }
  return found;
}

void SyncMirrors::start(World& world, const Due& due, const char* type) {
  Locked lock(world);
  static_cast<void>(start_transfer(
      world, *due.cluster,
      {.relationship = due.id, .transfer = {}, .type = type}));  // one that runs goes on
}

void SyncMirrors::lose(World& world, const Due& due) {
  Locked lock(world);
  JsonObject* row = due.cluster->edit(kind::kRelationship, due.id);
  if (row == nullptr || text_at(*row, "state") != "in_sync") {
    return;
  }
  (*row)["state"] = "out_of_sync";
  (*row)["healthy"] = false;
  (*row)["unhealthy_reason"] = JsonArray{JsonObject{
      {"code", "262224"}, {"message", "The source does not answer."}, {"arguments", JsonArray()}}};
  add_ems(world, *due.cluster,
          {"sms.status.out.of.sync",
           "error",
           text_at(*row, "destination.path") + " is out of sync.",
           {{"dstpath", text_at(*row, "destination.path")}}});
}

void SyncMirrors::look(World& world) {
  std::map<std::string, TreeMark> marks;
  for (const Due& due : all(world)) {
    if (due.source_is_dead) {
      lose(world, due);
      continue;
    }
    if (due.source.empty()) {
      continue;
    }
    if (due.state == "out_of_sync") {
      start(world, due, "resync");
      continue;  // without a mark: what is written meanwhile is looked for after it
    }
    TreeMark mark = mark_tree(due.source);
    const auto before = marks_.find(due.id);
    if (before == marks_.end() || before->second != mark) {
      start(world, due, "update");
    }
    if (mark.newest + kTick > now_of(world)) {
      mark.entries = -1;  // is not the same at the next look
    }
    marks[due.id] = mark;
  }
  marks_ = std::move(marks);
}

namespace {

void look_later(World& world, const std::shared_ptr<SyncMirrors>& mirrors) {
  world.later(world.config().sync_time, [&world, mirrors] {
    mirrors->look(world);
    look_later(world, mirrors);
  });
}

}  // namespace

void start_sync(World& world) { look_later(world, std::make_shared<SyncMirrors>()); }

}  // namespace holdfast::ontap_sim

// Data activities on copies that the storage system makes itself, through the replication and
// restore ports of its driver.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/units.h"
#include "domain/activities/add_activities.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/locked_names.h"
#include "domain/activities/progress_beat.h"
#include "domain/activities/replicas.h"

namespace holdfast::activities {
namespace {

using flow::ActivityContext;

// Policy of relations that Holdfast makes: what it labels is carried over; how long it stays there
// is decided by retention, which deletes each copy itself.
// Levels with a lock have a policy of their own each, since the lock is a rule's.
constexpr std::string_view kOwnPolicy = "holdfast";
constexpr std::string_view kOwnLabel = "holdfast";

Result<storage::Relation> make_relation(const DataContext& context, const Replicas& open,
                                        const std::string& level, const std::string& destination,
                                        const Json& input) {
  if (destination.empty()) {
    return Error(
        Code::kFailedPrecondition,
        fmt::format("the volume has no replica for level {}: give the level a destination, "
                    "and the relationship is made",
                    level));
  }
  storage::RelationSpec spec;
  const bool store = destination.ends_with(kObjectStore);
  const size_t slash = store ? std::string::npos : destination.find('/');
  spec.destination_cluster = slash == std::string::npos ? "" : destination.substr(0, slash);
  spec.destination = slash == std::string::npos ? destination : destination.substr(slash + 1);
  const std::string lock = get_string(input, "lock");
  const std::string ours = std::string(kOwnPolicy) + (lock.empty() ? "" : "_locked_" + lock);
  spec.policy = get_string(input, "mirror_policy", ours);
  spec.locking = !lock.empty();
  spec.schedule = get_string(input, "transfer_schedule");
  if (spec.policy == ours) {
    const std::string own = open.volume.id.substr(0, open.volume.id.find('/'));
    storage::ReplicationPolicy policy{spec.policy,
                                      {{std::string(kOwnLabel), storage::kMostReplicas, lock}},
                                      /*only_labelled=*/true};
    HF_TRY_VOID(wait(context, open.replication->put_policy(
                                  slash == std::string::npos ? own : spec.destination_cluster,
                                  std::move(policy))));
  }
  return wait(context, open.replication->create(open.volume, std::move(spec)));
}

// The lock of the copy that was carried over, in words. kFailedPrecondition: it has none, so that
// the level's promise does not hold.
Result<std::string> lock_of(const DataContext& context, const Replicas& opened,
                            const storage::Relation& relation, const Json& input) {
  const std::int64_t wanted = get_int(input, "lock_seconds");
  if (wanted == 0) {
    return std::string();
  }
  HF_TRY(const auto copy,
         wait(context, opened.replication->copy_of(relation.id, get_string(input, "snapshot"))));
  if (!copy || !copy->locked_until ||
      *copy->locked_until < copy->time + std::chrono::seconds(wanted)) {
    return Error(
        Code::kFailedPrecondition,
        fmt::format("the copy at {} is {}: switch snapshot locking on for that volume, and give "
                    "policy {} a rule for the label '{}' with the period {}",
                    place_of(relation),
                    copy && copy->locked_until
                        ? "locked until " + to_rfc3339(*copy->locked_until) + " only"
                        : "not locked",
                    relation.policy, kOwnLabel, get_string(input, "lock")));
  }
  return ", locked until " + to_rfc3339(*copy->locked_until);
}

// Carries the point's snapshot over to the place of a level.
Result<Json> replicate(const DataContext& context, ActivityContext& activity, const Json& input) {
  const ProgressBeat beat(context.clock(), activity, [] { return Json(JsonObject{}); });
  HF_TRY(const Replicas opened, open_replicas(context, activity, input));
  const std::string level = get_string(input, "level");
  const std::string destination = get_string(input, "destination");
  HF_TRY(auto relation, relation_of(context, opened, level, destination));
  std::uint64_t bytes = 0;
  if (!relation) {
    HF_TRY(relation, make_relation(context, opened, level, destination, input));
    bytes = relation->transferred_bytes;  // the first transfer may have carried all of it
  }
  HF_TRY(const storage::Relation now,
         wait(context, opened.replication->update(relation->id, get_string(input, "snapshot"))));
  HF_TRY(const std::string locked, lock_of(context, opened, now, input));
  bytes = std::max(bytes, now.transferred_bytes);
  const std::string place = place_of(*relation);
  return Json(JsonObject{{"location", place},
                         {"added_bytes", bytes},
                         {"detail", fmt::format("at {}, {} transferred, {}{}", place,
                                                format_bytes(bytes), now.state, locked)}});
}

// Nothing is deleted in an object store from here: the relation's policy keeps the newest copies
// there. What it has let go is gone, what it keeps is there, and the catalog says the same.
Result<Json> gone_from_store(const DataContext& context, const Replicas& opened,
                             const storage::Relation& relation, const Json& input) {
  HF_TRY(const std::int64_t keeps, wait(context, opened.replication->kept_copies(relation.id)));
  JsonArray kept;
  const JsonArray& names = find(input, "names")->get_array();
  const JsonArray& newer = find(input, "newer")->get_array();
  for (size_t i = 0; i < names.size(); ++i) {
    if (keeps == 0 || i >= newer.size() || newer[i].to_number<std::int64_t>() < keeps) {
      kept.push_back(names[i]);
    }
  }
  std::string detail;
  if (!kept.empty()) {
    detail = fmt::format("{} copies stay in {}, of which SnapMirror policy {} keeps {}",
                         kept.size(), place_of(relation), relation.policy,
                         keeps == 0 ? "as many as it says" : fmt::format("the newest {}", keeps));
  }
  return Json(JsonObject{{"kept", std::move(kept)}, {"detail", detail}});
}

Result<Json> delete_copies(const DataContext& context, ActivityContext& activity,
                           const Json& input) {
  const ProgressBeat beat(context.clock(), activity, [] { return Json(JsonObject{}); });
  const std::string place = get_string(input, "mirror");
  HF_TRY(const Replicas opened, open_replicas(context, activity, input));
  auto relation = known_relation(context, opened, place);
  if (place.ends_with(kObjectStore)) {
    if (!relation && relation.error().code() == Code::kNotFound) {
      return Json(
          JsonObject{{"kept", *find(input, "names")}, {"detail", relation.error().message()}});
    }
    HF_TRY_VOID(status_of(relation));
    return gone_from_store(context, opened, *relation, input);
  }
  HF_TRY_VOID(status_of(relation));
  LockedNames locked(context.clock().now());
  for (const Json& item : find(input, "names")->get_array()) {
    const std::string name(item.get_string());
    HF_TRY(const auto copy, wait(context, opened.replication->copy_of(relation->id, name)));
    if (!copy || !locked.holds(*copy)) {
      HF_TRY_VOID(wait(context, opened.replication->delete_copy(relation->id, name)));
    }
  }
  return locked.answer("at " + place);
}

std::string told(const storage::FetchedCopy& copy, const std::string& place) {
  switch (copy.means) {
    case storage::FetchedCopy::Means::kMounted:
      return fmt::format("the copy at {} is mounted at {}", place, copy.path);
    case storage::FetchedCopy::Means::kCloned:
      return fmt::format("the copy at {} is read on a clone beside it, at {}", place, copy.path);
    case storage::FetchedCopy::Means::kTransferred:
      return fmt::format("brought back from {} to a new volume at {}", place, copy.path);
  }
  return "";
}

// Makes a copy readable, by the cheapest means that its storage system has.
Result<Json> fetch_copy(const DataContext& context, ActivityContext& activity, const Json& input) {
  const ProgressBeat beat(context.clock(), activity, [] { return Json(JsonObject{}); });
  HF_TRY(const Replicas opened, open_replicas(context, activity, input));
  const std::string place = get_string(input, "mirror");
  HF_TRY(const storage::Relation relation, known_relation(context, opened, place));
  HF_TRY(const storage::FetchedCopy copy,
         wait(context, opened.restore->fetch_copy(opened.volume,
                                                  {relation.id, get_string(input, "snapshot")},
                                                  get_string(input, "name"))));
  return Json(JsonObject{{"path", copy.path}, {"detail", told(copy, place)}});
}

Result<Json> drop_fetched(const DataContext& context, ActivityContext& activity,
                          const Json& input) {
  const ProgressBeat beat(context.clock(), activity, [] { return Json(JsonObject{}); });
  HF_TRY(const Replicas opened, open_replicas(context, activity, input));
  std::string relation;
  if (const std::string place = get_string(input, "mirror"); !place.empty()) {
    const auto known = known_relation(context, opened, place);
    if (!known && known.error().code() != Code::kNotFound) {
      return known.error();
    }
    relation = known ? known->id : "";
  }
  HF_TRY_VOID(wait(
      context, opened.restore->drop_fetched(opened.volume, relation, get_string(input, "name"))));
  return Json(JsonObject{});
}

}  // namespace

void register_replication_activities(flow::ActivityRegistry& registry, const DataContext& context) {
  const AddActivities add(registry, context);
  add("storage.replicate", replicate);
  add("storage.delete_copies", delete_copies);
  add("storage.fetch_copy", fetch_copy);
  add("storage.drop_fetched", drop_fetched);
}

}  // namespace holdfast::activities

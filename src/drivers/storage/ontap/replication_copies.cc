// What replication has brought to its destination: whether a copy is there, how long it stays.

#include <fmt/core.h>

#include <cstdlib>

#include "drivers/storage/ontap/replication_impl.h"
#include "drivers/storage/ontap/values.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

using async::Co;

Co<Result<VolumeOn>> OntapReplication::destination_of(RelationInfo info) {
  const auto [svm, name] = svm_and_volume(info.relation.destination);
  if (name.empty()) {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("{} is no volume", info.relation.destination));
  }
  HF_CO_TRY(const auto volume, co_await find_volume(info.cluster, svm, name));
  if (!volume) {
    co_return Error(Code::kNotFound, "the destination volume does not exist")
        .with("volume", info.relation.destination);
  }
  co_return VolumeOn{info.cluster, volume->uuid};
}

Co<Result<std::optional<Snapshot>>> OntapReplication::copy_of(std::string id,
                                                              std::string snapshot) {
  HF_CO_TRY(const RelationInfo info, co_await open(std::move(id)));
  HF_CO_TRY(const VolumeOn volume, co_await destination_of(info));
  HF_CO_TRY(const auto found, co_await find_snapshot(volume, std::move(snapshot)));
  co_return found ? std::optional<Snapshot>(to_snapshot(*found)) : std::nullopt;
}

// How many of our snapshots the policy's rule for their label keeps; nothing where it has none.
Co<Result<std::optional<std::int64_t>>> OntapReplication::rule_for_ours(RelationInfo info) {
  HF_CO_TRY(const auto policy,
            co_await info.cluster->client->find_one(
                "/snapmirror/policies",
                {{"name", exactly(info.relation.policy)}, {"fields", "uuid,name,retention"}},
                "read the SnapMirror policy"));
  const Json* rules = policy ? holdfast::find(*policy, "retention") : nullptr;
  for (size_t i = 0; rules != nullptr && rules->is_array() && i < rules->get_array().size(); ++i) {
    const Json& rule = rules->get_array()[i];
    if (get_string(rule, "label") == kLabel) {
      const std::string count = get_string(rule, "count", "0");  // a number as text
      co_return std::strtoll(count.c_str(), nullptr, 10);
    }
  }
  co_return std::nullopt;
}

// A transfer that went well has carried only what the policy takes. The volume is asked for the
// snapshot; an object store cannot be, so there the policy must have the rule.
Co<Status> OntapReplication::check_carried(RelationInfo info, std::string snapshot) {
  bool carried = false;
  if (info.relation.destination.ends_with(kObjectStore)) {
    HF_CO_TRY(const auto rule, co_await rule_for_ours(info));
    carried = rule.has_value();
  } else {
    HF_CO_TRY(const auto there, co_await copy_of(info.relation.id, snapshot));
    carried = there.has_value();
  }
  if (carried) {
    co_return Status();
  }
  co_return Error(Code::kFailedPrecondition,
                  fmt::format("the transfer ended and snapshot {} is not at {}: give policy {} "
                              "a rule for the label '{}'",
                              snapshot, info.relation.destination, info.relation.policy, kLabel));
}

Co<Result<std::int64_t>> OntapReplication::kept_copies(std::string id) {
  HF_CO_TRY(RelationInfo info, co_await open(std::move(id)));
  HF_CO_TRY(const auto rule, co_await rule_for_ours(std::move(info)));
  co_return rule.value_or(0);
}

Co<Status> OntapReplication::delete_copy(std::string id, std::string snapshot) {
  HF_CO_TRY(const RelationInfo info, co_await open(std::move(id)));
  HF_CO_TRY(const VolumeOn volume, co_await destination_of(info));
  co_return co_await remove_snapshot(volume, std::move(snapshot));
}

}  // namespace holdfast::storage::ontap

// The replicas of a volume, as the activities on them need them; of this room only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "domain/activities/storage_work.h"
#include "drivers/storage/native_restore.h"
#include "drivers/storage/replication.h"

namespace holdfast::activities {

// How the place of a copy in an object store ends.
inline constexpr std::string_view kObjectStore = ":/objstore";

struct Replicas {
  storage::Driver* driver = nullptr;
  storage::Replication* replication = nullptr;
  storage::NativeRestore* restore = nullptr;
  storage::Volume volume;
};
// kFailedPrecondition: the volume's driver replicates nothing itself.
Result<Replicas> open_replicas(const DataContext& context, const flow::ActivityContext& activity,
                               const VolumeRef& volume);
// Of the volume of an input.
Result<Replicas> open_replicas(const DataContext& context, const flow::ActivityContext& activity,
                               const Json& input);

// Where a relation ends, as policies and the catalog write it: CLUSTER/svm:volume, or
// STORE:/objstore.
std::string place_of(const storage::Relation& relation);

// The relation of a level: the one that ends where the policy says, or the only one of its kind.
// kConflict: there are several.
Result<std::optional<storage::Relation>> relation_of(const DataContext& context,
                                                     const Replicas& replicas,
                                                     const std::string& level,
                                                     const std::string& destination);
// The one that ends at a place of the catalog. kNotFound: it is gone.
Result<storage::Relation> known_relation(const DataContext& context, const Replicas& replicas,
                                         const std::string& place);

}  // namespace holdfast::activities

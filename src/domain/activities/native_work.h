// What choosing and carrying out a restore by the storage system share; of this room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/activities/replicas.h"
#include "domain/activities/storage_work.h"
#include "drivers/storage/native_restore.h"

namespace holdfast::activities {

inline constexpr std::string_view kWhole = "snapshot_restore";
inline constexpr std::string_view kFile = "file_restore";
inline constexpr std::string_view kClone = "clone";
inline constexpr std::string_view kReplica = "replica_restore";
inline constexpr std::string_view kCopied = "files_copied";

// The volumes of a recovery, and the port that brings them back.
struct Native {
  storage::Driver* driver = nullptr;
  storage::NativeRestore* restore = nullptr;
  std::vector<storage::Volume> volumes;  // in the order of the requests
};

std::vector<RestoreRequest> requests_of(const Json& input);
// kFailedPrecondition: the driver of a volume restores nothing by itself.
Result<Native> open_native(const DataContext& context, const std::vector<RestoreRequest>& requests);

// Every newer snapshot of the volumes: what going back as a whole throws away.
Result<std::vector<std::string>> lost_by(const DataContext& context, const Native& native,
                                         const std::vector<RestoreRequest>& requests);

// Where a file of the snapshot goes to, both relative to the volume's root.
storage::FileToRestore file_of(const storage::Volume& volume, const RestoreRequest& request,
                               const std::string& path);
// What the storage system is to bring back from a copy elsewhere.
storage::CopySource source_of(const storage::Relation& relation, const storage::Volume& volume,
                              const RestoreRequest& request);

// The activity storage.choose_means.
Result<Json> choose_means(const DataContext& context, flow::ActivityContext& activity,
                          const Json& input);

}  // namespace holdfast::activities

// Restores behind their port: private to its files.
#pragma once

#include "core/async/pool.h"
#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/systems.h"
#include "drivers/storage/ontap/visibility.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {

inline constexpr Nanoseconds kRestoreDeadline = std::chrono::minutes(30);

// kInvalidArgument: no file of the volume, or a way out of it.
Status check_restore_path(const std::string& path);

class OntapRestore final : public NativeRestore {
 public:
  OntapRestore(Systems& systems, async::Pool& pool) : systems_(systems), pool_(pool) {}

  async::Co<Result<std::vector<Snapshot>>> lost_by_restore(Volume volume,
                                                           std::string snapshot) override;
  async::Co<Status> restore_volume(Volume volume, std::string snapshot) override;
  async::Co<Status> restore_group(std::vector<Volume> volumes, std::string snapshot) override;
  async::Co<Result<std::vector<FileEntry>>> list_files(Volume volume, std::string snapshot,
                                                       std::string directory) override;
  async::Co<Status> restore_file(Volume volume, std::string snapshot, FileToRestore file) override;
  async::Co<Status> clone_file(Volume volume, std::string snapshot, FileToRestore file) override;
  async::Co<Status> can_clone_to(Volume volume, std::string target) override;
  async::Co<Status> clone_to(Volume volume, std::string snapshot, std::string target) override;
  async::Co<Status> copy_files(Volume volume, std::string snapshot,
                               std::vector<FileToRestore> files, std::string target) override;
  async::Co<Status> can_restore_copy(Volume volume, CopySource source) override;
  async::Co<Status> restore_copy(Volume volume, CopySource source) override;
  async::Co<Result<FetchedCopy>> fetch_copy(Volume volume, CopySource source,
                                            std::string name) override;
  async::Co<Status> drop_fetched(Volume volume, std::string relation, std::string name) override;

 private:
  struct Open {
    ClusterPtr cluster;
    VolumeInfo info;
  };
  // A replica and the volume that holds it; none: it lies in an object store.
  struct Copy {
    RelationInfo relation;
    std::optional<VolumeInfo> volume;
  };
  // A volume to be made on the original's SVM.
  struct NewPlace {
    std::string name;
    std::string comment;  // by which an earlier attempt's is known
    Junction junction;
  };
  // A path of a snapshot and what lies there.
  struct Found {
    Open at;
    FileEntry entry;
  };
  async::Co<Result<Found>> find_file(Volume volume, std::string snapshot, FileToRestore file);
  async::Co<Status> restore_directory(Open now, std::string snapshot, FileToRestore file);
  async::Co<Result<Open>> open(Volume volume);
  async::Co<Result<Open>> open_with(Volume volume, std::string snapshot);
  async::Co<Status> end_restores(ClusterPtr cluster, std::string target);
  async::Co<Result<RelationInfo>> begin_restore(ClusterPtr cluster, RelationInfo copy,
                                                std::string target);
  async::Co<Status> transfer(RelationInfo relation, Json body);

  // Where a volume that is seen at `target` has its junction, on the volume's own SVM.
  async::Co<Result<Junction>> junction_at(Volume volume, Open now, std::string target);
  // kFailedPrecondition says why no new volume can be made at the target.
  async::Co<Status> free_place(Volume volume, Open now, std::string target);
  // Named by the last part of the path, marked with what it was recovered from.
  static NewPlace place_for(const VolumeInfo& parent, const std::string& target,
                            const std::string& snapshot, Junction junction);
  async::Co<bool> is_seen(Junction junction);

  async::Co<Result<Copy>> open_copy(std::string relation);
  async::Co<Result<bool>> have_common(Open original, Copy copy);
  async::Co<Status> restore_into(ClusterPtr cluster, std::string target, Copy copy,
                                 CopySource source);
  async::Co<Result<VolumeInfo>> fill_volume(Open original, Copy copy, CopySource source,
                                            NewPlace place);

  async::Co<std::string> mounted_copy(Copy copy, std::string snapshot);
  async::Co<Result<std::string>> clone_copy(Copy copy, std::string snapshot, std::string name);
  async::Co<Result<std::string>> transfer_copy(Volume volume, Copy copy, CopySource source,
                                               std::string name);
  async::Co<Result<std::string>> readable(VolumeOn made, Junction junction, std::string snapshot);

  Systems& systems_;
  async::Pool& pool_;
};

}  // namespace holdfast::storage::ontap

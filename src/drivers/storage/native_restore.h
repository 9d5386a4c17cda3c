// The port to restores that a storage system does by itself, without moving bytes through here.
//
// Verbs wait until it is done. Everything overwrites what it names and nothing else; who calls has
// the approval. Methods may be called from any thread; the port outlives the coroutines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "drivers/storage/driver.h"

namespace holdfast::storage {

// One file: `path` in the snapshot, `to` in the volume, both relative to the volume's root.
struct FileToRestore {
  std::string path;
  std::string to;
};

// One entry of a directory in a snapshot.
struct FileEntry {
  std::string name;
  std::string type;        // file, directory, symlink, ...
  std::uint64_t size = 0;  // bytes
  std::optional<UtcTime> modified;
};

struct CopySource {
  std::string relation;  // Relation::id of the copy's relation
  std::string snapshot;
  std::vector<FileToRestore> files;  // empty: the whole volume
  // "svm:volume" on the source's cluster; empty: the original. A new one is made.
  std::string target;
};

class NativeRestore {
 public:
  virtual ~NativeRestore() = default;

  // The snapshots that restore_volume would throw away: everything newer, whoever made it.
  virtual async::Co<Result<std::vector<Snapshot>>> lost_by_restore(Volume volume,
                                                                   std::string snapshot) = 0;
  // The whole volume back to a snapshot. kFailedPrecondition: a newer snapshot is locked, or the
  // reference of a replication.
  virtual async::Co<Status> restore_volume(Volume volume, std::string snapshot) = 0;
  // All volumes of their group, at once. Repeating it finishes what was interrupted.
  virtual async::Co<Status> restore_group(std::vector<Volume> volumes, std::string snapshot) = 0;
  // What a snapshot holds in a directory ("": the volume's root), by name. kNotFound: no such
  // snapshot or directory.
  virtual async::Co<Result<std::vector<FileEntry>>> list_files(Volume volume, std::string snapshot,
                                                               std::string directory) = 0;
  // One file, without using space; an existing one is replaced. A directory comes back as the
  // snapshot holds it (ONTAP: from 9.15.1). kNotFound: the snapshot holds no such path.
  virtual async::Co<Status> restore_file(Volume volume, std::string snapshot,
                                         FileToRestore file) = 0;
  // Like restore_file, to a path where nothing is yet: never touches the live file.
  virtual async::Co<Status> clone_file(Volume volume, std::string snapshot, FileToRestore file) = 0;
  // Whether the volume's system could make clone_to()'s volume there. kFailedPrecondition says why
  // not.
  virtual async::Co<Status> can_clone_to(Volume volume, std::string target) = 0;
  // A new volume with the content of a snapshot, seen at `target`, where nothing is yet. It shares
  // blocks with the original first and is made independent in the background. Idempotent.
  virtual async::Co<Status> clone_to(Volume volume, std::string snapshot, std::string target) = 0;
  // Files to another volume of the same system, "svm:volume", which may be mounted elsewhere;
  // existing ones are replaced.
  virtual async::Co<Status> copy_files(Volume volume, std::string snapshot,
                                       std::vector<FileToRestore> files, std::string target) = 0;

  // From a copy on another system, back to the original volume or to a new one.
  virtual async::Co<Status> restore_copy(Volume volume, CopySource source) = 0;

  // Makes a copy readable here, without touching the original: where its own volume is mounted (the
  // answer then has no name), or as a new volume beside the original. `source.target` is not used.
  // Idempotent by name.
  virtual async::Co<Result<Clone>> fetch_copy(Volume volume, CopySource source,
                                              std::string name) = 0;
  // Removes what fetch_copy made; success too when there is nothing.
  virtual async::Co<Status> drop_fetched(Volume volume, std::string name) = 0;
};

}  // namespace holdfast::storage

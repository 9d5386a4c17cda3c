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
  std::vector<FileToRestore> files{};  // empty: the whole volume
  // Where a new volume with the whole content is to be seen; empty: the original is restored.
  std::string place{};
};

// A copy that can be read here.
struct FetchedCopy {
  enum class Means {
    kMounted,      // its own volume is: nothing was made
    kCloned,       // as a clone beside it
    kTransferred,  // in a new volume beside the original
  };
  Means means = Means::kMounted;
  std::string path;  // of the protected path in it
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

  // Whether restore_copy() could do this. kFailedPrecondition says why not.
  virtual async::Co<Status> can_restore_copy(Volume volume, CopySource source) = 0;
  // From a copy on another system: files over those of the original (which must be there in the
  // copy), its whole content, or a new volume. Only what differs is moved where both have a
  // snapshot in common, and snapshots stay. A new volume is idempotent by its place.
  virtual async::Co<Status> restore_copy(Volume volume, CopySource source) = 0;

  // Makes a copy readable here without touching it or the original, by the cheapest means that
  // there is. `files` and `place` are not used. Idempotent by name.
  virtual async::Co<Result<FetchedCopy>> fetch_copy(Volume volume, CopySource source,
                                                    std::string name) = 0;
  // Removes what fetch_copy made of the relation's copy (empty: of any that came over); success too
  // when there is nothing.
  virtual async::Co<Status> drop_fetched(Volume volume, std::string relation, std::string name) = 0;
};

}  // namespace holdfast::storage

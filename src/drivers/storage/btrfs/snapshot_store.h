// Where the snapshots of one btrfs volume lie and what is known about each. All calls block.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "drivers/storage/btrfs/subvolume.h"
#include "drivers/storage/driver.h"

namespace holdfast::storage::btrfs {

// The directory, at the top of the mounted filesystem, that holds everything of ours.
inline constexpr std::string_view kStoreName = ".holdfast";

class SnapshotStore {
 public:
  // The store of the subvolume whose top directory is `root`; touches nothing.
  static Result<SnapshotStore> open(const std::string& root);

  const Uuid& filesystem() const { return filesystem_; }
  // The live subvolume with every change until now; commits the filesystem.
  Result<Subvolume> live() const;
  // "UUID/ID": the volume's identity.
  std::string volume_id() const;
  // Stands for the volume in place of st_dev, which is another for each snapshot; never 0.
  std::uint64_t device_id() const;
  // The store's top directory, whether it exists or not.
  const std::string& top() const { return top_; }

  // Whether the calling process could take a snapshot, without taking one.
  Status check_writable() const;
  Result<Snapshot> create(const SnapshotSpec& spec) const;
  Result<std::vector<Snapshot>> list() const;
  Status remove(const std::string& name) const;
  // The snapshot's top directory and its subvolume; kNotFound.
  Result<std::pair<std::string, Subvolume>> find(const std::string& name) const;

  Result<Clone> create_clone(const std::string& snapshot, const std::string& name) const;
  Status remove_clone(const std::string& name) const;

 private:
  SnapshotStore(std::string root, std::string top, Uuid filesystem, std::uint64_t id)
      : root_(std::move(root)), top_(std::move(top)), filesystem_(filesystem), id_(id) {}

  std::string folder() const;  // of this volume
  std::string note_path(const std::string& name) const;
  Status make_folders() const;
  Status write_note(const SnapshotSpec& spec) const;

  std::string root_;
  std::string top_;
  Uuid filesystem_;
  std::uint64_t id_;
};

}  // namespace holdfast::storage::btrfs

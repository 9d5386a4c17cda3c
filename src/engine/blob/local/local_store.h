// A repository in a directory, laid out as restic does: files 0400, directories 0700, data/00..ff.
//
// Packs never fill the disk: what else lies on the file system (the indexes and locks of the
// repository, the database of the server) needs room to go on, and prune needs it to help.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>

#include "core/env/file_system.h"
#include "core/env/random.h"
#include "engine/blob/blob_store.h"

namespace holdfast::blob {

// How much of a file system of this size packs leave free: 1 %, at least 16 MiB, at most 1 GiB; on
// one below 128 MiB an eighth, at least 4 MiB.
std::uint64_t pack_reserve(std::uint64_t total_bytes);

// Calls block on the file system: run them on a pool for blocking work. `files` and `random` live
// longer than the store.
class LocalStore final : public BlobStore {
 public:
  LocalStore(env::FileSystem& files, env::Random& random, std::string directory)
      : files_(files), random_(random), directory_(std::move(directory)) {}

  Co<Status> create() override;
  // kResourceExhausted is permanent here: a full disk stays full until somebody makes room. A pack
  // gets it already when less than pack_reserve() would stay free.
  Co<Status> put(ObjectKey key, ByteSpan data) override;
  Co<Result<Buffer>> get(ObjectKey key, std::optional<ByteRange> range) override;
  Co<Result<ObjectInfo>> stat(ObjectKey key) override;
  Co<Result<std::vector<ObjectInfo>>> list(ObjectType type) override;
  Co<Status> remove(ObjectKey key) override;
  std::string location() const override { return directory_; }

 private:
  std::string full_path(const ObjectKey& key) const;
  Status write(const ObjectKey& key, ByteSpan data);
  Status claim_space(std::uint64_t bytes);
  void release_space(std::uint64_t bytes);
  Status list_folder(const std::string& folder, ObjectType type, std::vector<ObjectInfo>& found);

  env::FileSystem& files_;
  env::Random& random_;
  std::string directory_;
  std::mutex space_mutex_;
  std::condition_variable space_changed_;
  std::uint64_t writing_ = 0;  // bytes of the packs that are being written now
};

}  // namespace holdfast::blob

// A repository in a directory, laid out as restic does: files 0400, directories 0700, data/00..ff.
#pragma once

#include <string>

#include "core/env/file_system.h"
#include "core/env/random.h"
#include "engine/blob/blob_store.h"

namespace holdfast::blob {

// Calls block on the file system: run them on a pool for blocking work. `files` and `random` live
// longer than the store.
class LocalStore final : public BlobStore {
 public:
  LocalStore(env::FileSystem& files, env::Random& random, std::string directory)
      : files_(files), random_(random), directory_(std::move(directory)) {}

  Co<Status> create() override;
  Co<Status> put(ObjectKey key, ByteSpan data) override;
  Co<Result<Buffer>> get(ObjectKey key, std::optional<ByteRange> range) override;
  Co<Result<ObjectInfo>> stat(ObjectKey key) override;
  Co<Result<std::vector<ObjectInfo>>> list(ObjectType type) override;
  Co<Status> remove(ObjectKey key) override;
  std::string location() const override { return directory_; }

 private:
  std::string full_path(const ObjectKey& key) const;
  Status list_folder(const std::string& folder, ObjectType type, std::vector<ObjectInfo>& found);

  env::FileSystem& files_;
  env::Random& random_;
  std::string directory_;
};

}  // namespace holdfast::blob

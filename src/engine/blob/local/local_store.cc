// Objects as files. Names that are no object names (temporary files, editors' backups) are
// invisible to list. A reader without data/ab folders is fine: restic makes all 256, so does
// create().
#include "engine/blob/local/local_store.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/units.h"

namespace holdfast::blob {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

}  // namespace

std::uint64_t pack_reserve(std::uint64_t total_bytes) {
  const std::uint64_t usual = std::clamp(total_bytes / 100, 16 * kMiB, 1024 * kMiB);
  return std::max(std::min(usual, total_bytes / 8), 4 * kMiB);
}

std::string LocalStore::full_path(const ObjectKey& key) const {
  return directory_ + "/" + path_of(key);
}

Co<Status> LocalStore::create() {
  HF_CO_TRY_VOID(files_.make_directories(directory_, 0700));
  for (const ObjectType type :
       {ObjectType::kKey, ObjectType::kLock, ObjectType::kSnapshot, ObjectType::kIndex}) {
    HF_CO_TRY_VOID(files_.make_directories(directory_ + "/" + folder_of(type), 0700));
  }
  for (int i = 0; i < 256; ++i) {
    HF_CO_TRY_VOID(files_.make_directories(fmt::format("{}/data/{:02x}", directory_, i), 0700));
  }
  HF_CO_TRY_VOID(files_.sync_directory(directory_ + "/data"));
  HF_CO_TRY_VOID(files_.sync_directory(directory_));
  co_return files_.sync_directory(env::parent_path(directory_));
}

Co<Status> LocalStore::put(ObjectKey key, ByteSpan data) {
  if (key.type == ObjectType::kConfig && env::exists(files_, full_path(key))) {
    co_return Error(Code::kAlreadyExists, "there is a repository already").with("path", directory_);
  }
  const std::uint64_t claimed = key.type == ObjectType::kPack ? data.size() : 0;
  if (claimed != 0) {
    HF_CO_TRY_VOID(claim_space(claimed));
  }
  const Status written = write(key, data);
  if (claimed != 0) {
    release_space(claimed);
  }
  if (!written && written.error().code() == Code::kResourceExhausted) {
    co_return Error(Code::kResourceExhausted,
                    "the file system of the repository is full, or its quota is used up: make "
                    "room, or forget and prune snapshots")
        .with("path", directory_)
        .caused_by(written.error());
  }
  co_return written;
}

// Waits for packs that are being written when it depends on them whether there is room: how much of
// them the file system has counted already cannot be known.
Status LocalStore::claim_space(std::uint64_t bytes) {
  std::unique_lock lock(space_mutex_);
  for (;;) {
    HF_TRY(const env::FileSystemSpace space, files_.space(directory_));
    const std::uint64_t reserve = space.total_bytes == 0 ? 0 : pack_reserve(space.total_bytes);
    if (space.total_bytes == 0 || space.available_bytes >= reserve + writing_ + bytes) {
      writing_ += bytes;
      return {};
    }
    if (writing_ == 0) {
      return Error(
          Code::kResourceExhausted,
          fmt::format("the file system of {} has {} free, and {} of it are kept for indexes, locks "
                      "and the state database: make room, or forget and prune snapshots",
                      directory_, format_bytes(space.available_bytes), format_bytes(reserve)));
    }
    space_changed_.wait(lock);
  }
}

void LocalStore::release_space(std::uint64_t bytes) {
  const std::lock_guard lock(space_mutex_);
  writing_ -= bytes;
  space_changed_.notify_all();
}

Status LocalStore::write(const ObjectKey& key, ByteSpan data) {
  const std::string path = full_path(key);
  const auto unique = random_.bytes16();
  const env::AtomicWrite how{.permissions = 0400, .unique = to_hex(ByteSpan(unique).first(6))};
  Status written = env::write_file_atomically(files_, path, data, how);
  if (!written && written.error().code() == Code::kNotFound && key.type == ObjectType::kPack &&
      env::exists(files_, directory_ + "/config")) {
    const std::string folder = env::parent_path(path);  // a tool removed the empty folder
    HF_TRY_VOID(files_.make_directories(folder, 0700));
    HF_TRY_VOID(files_.sync_directory(env::parent_path(folder)));
    written = env::write_file_atomically(files_, path, data, how);
  }
  return written;
}

Co<Result<Buffer>> LocalStore::get(ObjectKey key, std::optional<ByteRange> range) {
  const std::string path = full_path(key);
  if (!range) {
    co_return env::read_file(files_, path);
  }
  HF_CO_TRY(const auto file, files_.open(path, env::OpenMode::kRead));
  HF_CO_TRY(const std::uint64_t size, file->size());
  if (range->offset > size || range->length > size - range->offset) {
    co_return Error(Code::kDataLoss, "the file is shorter than it should be").with("path", path);
  }
  Buffer data(range->length);
  HF_CO_TRY(const std::size_t count, file->read_at(range->offset, data));
  if (count != data.size()) {
    co_return Error(Code::kDataLoss, "the file is shorter than it should be").with("path", path);
  }
  co_return data;
}

Co<Result<ObjectInfo>> LocalStore::stat(ObjectKey key) {
  HF_CO_TRY(const env::FileInfo info, files_.stat(full_path(key)));
  co_return ObjectInfo{key, info.size};
}

Status LocalStore::list_folder(const std::string& folder, ObjectType type,
                               std::vector<ObjectInfo>& found) {
  HF_TRY(const auto entries, files_.list(folder));
  for (const env::DirectoryEntry& entry : entries) {
    if (entry.kind == env::FileKind::kDirectory || !is_object_name(entry.name)) {
      continue;
    }
    const auto info = files_.stat(folder + "/" + entry.name);
    if (info) {
      found.push_back({{type, entry.name}, info->size});
    } else if (info.error().code() != Code::kNotFound) {  // removed since it was listed
      return info.error();
    }
  }
  return {};
}

Co<Result<std::vector<ObjectInfo>>> LocalStore::list(ObjectType type) {
  std::vector<ObjectInfo> found;
  if (type == ObjectType::kConfig) {
    const auto info = files_.stat(full_path({type, ""}));
    if (info) {
      found.push_back({{type, ""}, info->size});
    }
    co_return found;
  }
  const std::string folder = directory_ + "/" + folder_of(type);
  if (type != ObjectType::kPack) {
    HF_CO_TRY_VOID(list_folder(folder, type, found));
    co_return found;
  }
  HF_CO_TRY(const auto folders, files_.list(folder));
  for (const env::DirectoryEntry& entry : folders) {
    if (entry.kind == env::FileKind::kDirectory) {
      HF_CO_TRY_VOID(list_folder(folder + "/" + entry.name, type, found));
    }
  }
  co_return found;
}

Co<Status> LocalStore::remove(ObjectKey key) {
  const std::string path = full_path(key);
  const Status removed = files_.remove(path);
  if (!removed) {
    co_return removed.error().code() == Code::kNotFound ? Status() : removed;
  }
  co_return files_.sync_directory(env::parent_path(path));
}

}  // namespace holdfast::blob

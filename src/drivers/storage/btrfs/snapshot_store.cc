// Snapshots of one volume on the disk:
//
//   MOUNT/.holdfast/ID/NAME          a read-only snapshot of the subvolume with this id
//   MOUNT/.holdfast/ID/.notes/NAME   its comment
//   MOUNT/.holdfast/ID/.clones/NAME  a writable copy
//
// MOUNT is the highest directory above the volume that is on the same filesystem, so that the
// store is, where possible, outside the volume: inside it, each snapshot would be a change. The
// store is for its owner only, because old snapshots keep old files with their old modes.
//
// Invariants: a name appears with its snapshot complete or not at all, since the kernel makes a
// read-only snapshot in one transaction; the note is written before and removed after it, so a
// note alone means nothing; nothing is ever written into a snapshot.

#include "drivers/storage/btrfs/snapshot_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace holdfast::storage::btrfs {
namespace {

constexpr std::size_t kMaxCommentBytes = 4096;

std::string parent_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string join(const std::string& directory, std::string_view name) {
  return directory + (directory.ends_with('/') ? "" : "/") + std::string(name);
}

bool exists(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0;
}

Status make_folder(const std::string& path) {
  struct stat status{};
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return io_error(errno, "make the directory", path);
  }
  if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    return Error(Code::kConflict, "something that is no directory lies where snapshots belong")
        .with("path", path);
  }
  return {};
}

std::uint64_t load64(const Uuid& uuid, size_t from) {
  std::uint64_t value = 0;
  for (size_t i = 0; i < 8; ++i) {
    value |= static_cast<std::uint64_t>(uuid[from + i]) << (8 * i);
  }
  return value;
}

// Without touching the access time, where that is allowed: it would be a change of a volume that
// holds the store.
int open_quietly(const std::string& path, int flags) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOATIME | flags);
  return file < 0 && errno == EPERM ? ::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags) : file;
}

std::string read_note(const std::string& path) {
  const int file = open_quietly(path, 0);
  if (file < 0) {
    return {};
  }
  std::string text(kMaxCommentBytes, '\0');
  const ssize_t count = ::read(file, text.data(), text.size());
  ::close(file);
  text.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return text;
}

Error no_snapshot(const std::string& name) {
  return Error(Code::kNotFound, "the volume has no such snapshot").with("snapshot", name);
}

Snapshot describe_snapshot(std::string name, std::string comment, const Subvolume& found) {
  return {.name = std::move(name),
          .comment = std::move(comment),
          .time = found.created_at,
          .version = fmt::format("transaction {}", found.changed)};
}

}  // namespace

Result<SnapshotStore> SnapshotStore::open(const std::string& root) {
  HF_TRY(const Uuid filesystem, filesystem_uuid(root));
  HF_TRY(const auto live, subvolume(root));
  std::string mount = root;
  while (mount != "/") {
    const auto above = filesystem_uuid(parent_of(mount));
    if (!above || *above != filesystem) {
      break;
    }
    mount = parent_of(mount);
  }
  return SnapshotStore(root, join(mount, kStoreName), filesystem, live.id);
}

Result<Subvolume> SnapshotStore::live() const {
  HF_TRY_VOID(sync(root_));
  return subvolume(root_);
}

std::string SnapshotStore::volume_id() const {
  return fmt::format("{}/{}", to_text(filesystem_), id_);
}

// A mix of the filesystem's UUID and the subvolume's id (the finalizer of splitmix64), so that two
// volumes hardly ever share one.
std::uint64_t SnapshotStore::device_id() const {
  const std::uint64_t high = load64(filesystem_, 8);
  std::uint64_t mix = load64(filesystem_, 0) ^ (high << 32 | high >> 32);
  mix += id_ * 0x9e3779b97f4a7c15;
  mix = (mix ^ mix >> 30) * 0xbf58476d1ce4e5b9;
  mix = (mix ^ mix >> 27) * 0x94d049bb133111eb;
  mix ^= mix >> 31;
  return mix == 0 ? 1 : mix;
}

std::string SnapshotStore::folder() const { return join(top_, std::to_string(id_)); }

std::string SnapshotStore::note_path(const std::string& name) const {
  return join(folder(), ".notes/" + name);
}

Status SnapshotStore::make_folders() const {
  for (const std::string& path :
       {top_, folder(), join(folder(), ".notes"), join(folder(), ".clones")}) {
    HF_TRY_VOID(make_folder(path));
  }
  return {};
}

Status SnapshotStore::check_writable() const {
  struct statvfs status{};
  if (::statvfs(root_.c_str(), &status) != 0) {
    return io_error(errno, "look at the filesystem of", root_);
  }
  if ((status.f_flag & ST_RDONLY) != 0) {
    return Error(Code::kFailedPrecondition,
                 "the filesystem is mounted read-only, so no snapshot can be made")
        .with("path", root_);
  }
  const std::string place = exists(top_) ? top_ : parent_of(top_);
  if (::access(place.c_str(), R_OK | W_OK | X_OK) != 0) {
    return io_error(errno, "keep snapshots in", place);
  }
  return {};
}

Status SnapshotStore::write_note(const SnapshotSpec& spec) const {
  const std::string path = note_path(spec.name);
  const std::string temporary = note_path("." + spec.name);
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    return io_error(errno, "write", temporary);
  }
  const ssize_t written = ::write(file, spec.comment.data(), spec.comment.size());
  const bool good = written == static_cast<ssize_t>(spec.comment.size()) && ::fsync(file) == 0;
  const int cause = written >= 0 && !good ? ENOSPC : errno;
  ::close(file);
  if (!good) {
    ::unlink(temporary.c_str());
    return io_error(cause, "write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return io_error(errno, "write", path);
  }
  return {};
}

Result<std::pair<std::string, Subvolume>> SnapshotStore::find(const std::string& name) const {
  HF_TRY_VOID(check_name(name));
  const std::string path = join(folder(), name);
  if (!exists(path)) {
    return no_snapshot(name);
  }
  if (!is_subvolume(path)) {
    return Error(Code::kConflict, "something that is no snapshot lies where one belongs")
        .with("path", path);
  }
  HF_TRY(const auto found, subvolume(path));
  if (!found.read_only) {
    return Error(Code::kConflict, "the snapshot is writable, so its content proves nothing")
        .with("path", path);
  }
  return std::pair(path, found);
}

Result<Snapshot> SnapshotStore::create(const SnapshotSpec& spec) const {
  HF_TRY_VOID(check_name(spec.name));
  if (spec.comment.size() > kMaxCommentBytes) {
    return Error(Code::kInvalidArgument, "a snapshot's comment is longer than 4096 bytes");
  }
  auto found = find(spec.name);
  if (!found && found.error().code() == Code::kNotFound) {
    HF_TRY_VOID(make_folders());
    HF_TRY_VOID(write_note(spec));
    HF_TRY_VOID(create_snapshot(root_, join(folder(), spec.name), /*read_only=*/true));
    found = find(spec.name);
  }
  HF_TRY(const auto snapshot, std::move(found));
  return describe_snapshot(spec.name, read_note(note_path(spec.name)), snapshot.second);
}

Result<std::vector<Snapshot>> SnapshotStore::list() const {
  std::vector<Snapshot> snapshots;
  const int file = open_quietly(folder(), O_DIRECTORY);
  if (file < 0 && errno == ENOENT) {
    return snapshots;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(file < 0 ? nullptr : ::fdopendir(file),
                                                      [](DIR* open) { return ::closedir(open); });
  if (!directory) {
    return io_error(errno, "list the snapshots in", folder());
  }
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (!check_name(name) || !is_subvolume(join(folder(), name))) {
      continue;
    }
    HF_TRY(const auto found, subvolume(join(folder(), name)));
    if (found.read_only) {
      snapshots.push_back(describe_snapshot(name, read_note(note_path(name)), found));
    }
  }
  std::sort(snapshots.begin(), snapshots.end(), [](const Snapshot& a, const Snapshot& b) {
    return std::tie(a.time, a.name) < std::tie(b.time, b.name);
  });
  return snapshots;
}

Status SnapshotStore::remove(const std::string& name) const {
  auto found = find(name);
  if (found) {
    HF_TRY_VOID(delete_subvolume(found->first));
  } else if (found.error().code() != Code::kNotFound) {
    return std::move(found).error();
  }
  if (::unlink(note_path(name).c_str()) != 0 && errno != ENOENT) {
    return io_error(errno, "remove", note_path(name));
  }
  return {};
}

Result<Clone> SnapshotStore::create_clone(const std::string& snapshot,
                                          const std::string& name) const {
  HF_TRY_VOID(check_name(name));
  HF_TRY(const auto source, find(snapshot));
  HF_TRY_VOID(make_folders());
  const std::string path = join(folder(), ".clones/" + name);
  if (!exists(path)) {
    HF_TRY_VOID(create_snapshot(source.first, path, /*read_only=*/false));
  }
  return Clone{.name = name, .path = path};
}

Status SnapshotStore::remove_clone(const std::string& name) const {
  HF_TRY_VOID(check_name(name));
  const std::string path = join(folder(), ".clones/" + name);
  return exists(path) ? delete_subvolume(path) : Status();
}

}  // namespace holdfast::storage::btrfs

#include "engine/backup/restore_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>

#include "engine/backup/local_tree.h"

namespace holdfast::backup {
namespace {

constexpr std::size_t kBlock = 4096;

bool all_zero(ByteSpan data) {
  return data.empty() ||
         (data[0] == 0 && std::equal(data.begin(), data.end() - 1, data.begin() + 1));
}

Status write_all(int fd, std::uint64_t offset, ByteSpan data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t count = ::pwrite(fd, data.data(), data.size(), static_cast<off_t>(offset));
    if (count < 0 && errno != EINTR) {
      return io_error(errno, "write", path);
    }
    const std::size_t done = count > 0 ? static_cast<std::size_t>(count) : 0;
    offset += done;
    data = data.subspan(done);
  }
  return {};
}

Status write_sparse(int fd, std::uint64_t offset, ByteSpan data, const std::string& path) {
  std::size_t start = 0;  // of the bytes not yet written
  std::size_t at = 0;
  while (at < data.size()) {
    const std::size_t step = std::min(kBlock - (offset + at) % kBlock, data.size() - at);
    if (step == kBlock && all_zero(data.subspan(at, step))) {
      HF_TRY_VOID(write_all(fd, offset + start, data.subspan(start, at - start), path));
      start = at + step;
    }
    at += step;
  }
  return write_all(fd, offset + start, data.subspan(start), path);
}

Result<Descriptor> open_output(const std::string& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) {
    return io_error(errno, "create", path);
  }
  return Descriptor(fd);
}

mode_t kind_bits(repo::NodeType type) {
  return type == repo::NodeType::kFifo         ? S_IFIFO
         : type == repo::NodeType::kCharDevice ? S_IFCHR
                                               : S_IFBLK;
}

// Sets what the node has and removes what it does not have.
Status apply_attributes(const std::string& path, const repo::Node& node) {
  HF_TRY(const auto present, read_attributes(path));
  std::optional<Error> failure;
  for (const repo::ExtendedAttribute& old : present) {
    const bool wanted =
        std::any_of(node.extended_attributes.begin(), node.extended_attributes.end(),
                    [&](const auto& one) { return one.name == old.name; });
    if (!wanted && ::lremovexattr(path.c_str(), old.name.c_str()) != 0 && errno != ENODATA) {
      failure = io_error(errno, "remove extended attribute " + old.name, path);
    }
  }
  for (const repo::ExtendedAttribute& one : node.extended_attributes) {
    const bool there = std::find(present.begin(), present.end(), one) != present.end();
    if (!there &&
        ::lsetxattr(path.c_str(), one.name.c_str(), one.value.data(), one.value.size(), 0) != 0) {
      failure = io_error(errno, "set extended attribute " + one.name, path);
    }
  }
  return failure ? Status(*failure) : Status();
}

}  // namespace

Status write_piece(const std::string& path, std::uint64_t offset, ByteSpan data, bool sparse) {
  HF_TRY(const Descriptor file, open_output(path));
  return sparse ? write_sparse(file.get(), offset, data, path)
                : write_all(file.get(), offset, data, path);
}

Status set_length(const std::string& path, std::uint64_t size) {
  HF_TRY(const Descriptor file, open_output(path));
  return ::ftruncate(file.get(), static_cast<off_t>(size)) == 0
             ? Status()
             : io_error(errno, "set the length of", path);
}

Status make_special(const std::string& path, const repo::Node& node) {
  const int done =
      node.type == repo::NodeType::kSymlink
          ? ::symlink(node.link_target.c_str(), path.c_str())
          : ::mknod(path.c_str(), kind_bits(node.type) | 0600, static_cast<dev_t>(node.device));
  return done == 0 ? Status() : io_error(errno, "create", path);
}

Status remove_tree(const std::string& path) {
  const auto info = stat_entry(path);
  if (!info) {
    return info.error().code() == Code::kNotFound ? Status() : info.error();
  }
  if (S_ISDIR(info->st_mode)) {
    HF_TRY(const auto names, list_names(path));
    for (const std::string& name : names) {
      HF_TRY_VOID(remove_tree(join_path(path, name)));
    }
    return ::rmdir(path.c_str()) == 0 ? Status() : io_error(errno, "remove", path);
  }
  return ::unlink(path.c_str()) == 0 ? Status() : io_error(errno, "remove", path);
}

Status apply_metadata(const std::string& path, const repo::Node& node, bool owners) {
  std::optional<Error> failure;
  const bool may_own = owners && ::geteuid() == 0;
  if (may_own && ::lchown(path.c_str(), node.uid, node.gid) != 0) {
    failure = io_error(errno, "change the owner of", path);
  }
  if (const Status attributes = apply_attributes(path, node); !attributes) {
    failure = attributes.error();
  }
  const bool is_link = node.type == repo::NodeType::kSymlink;
  if (!is_link && ::chmod(path.c_str(), repo::posix_permissions(node.mode)) != 0) {
    failure = io_error(errno, "change the mode of", path);
  }
  const timespec times[2] = {timespec_of(node.atime), timespec_of(node.mtime)};
  if (::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) {
    failure = io_error(errno, "set the times of", path);
  }
  return failure ? Status(*failure) : Status();
}

Status verify_bytes(const repo::Repository& repository, const repo::Node& node,
                    const std::string& path) {
  HF_TRY(const Descriptor file, open_for_reading(path));
  std::uint64_t offset = 0;
  Buffer bytes;
  for (const repo::ChunkId& id : *node.content) {
    const auto location = repository.find_chunk(repo::ChunkKind::kData, id);
    bytes.resize(location ? location->size() : 0);
    HF_TRY(const std::size_t count, read_at(file.get(), offset, bytes, path));
    if (count != bytes.size() || crypto::digest_of(bytes) != id.digest) {
      return Error(Code::kDataLoss, "the restored file does not have the bytes of the snapshot")
          .with("offset", std::to_string(offset));
    }
    offset += count;
  }
  HF_TRY(const struct stat info, stat_entry(path));
  return static_cast<std::uint64_t>(info.st_size) == offset
             ? Status()
             : Error(Code::kDataLoss, "the restored file is longer than in the snapshot");
}

}  // namespace holdfast::backup

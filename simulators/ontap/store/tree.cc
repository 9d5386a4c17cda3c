#include "simulators/ontap/store/tree.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

namespace holdfast::ontap_sim {
namespace {

namespace fs = std::filesystem;
constexpr size_t kBlock = 4096;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  bool good() const { return fd_ >= 0; }

 private:
  int fd_;
};

bool look(const std::string& path, struct stat& info) { return ::lstat(path.c_str(), &info) == 0; }

void copy_metadata(const std::string& to, const struct stat& info) {
  // Owners need privileges that this program may lack; modes and times are always ours to set.
  if (::lchown(to.c_str(), info.st_uid, info.st_gid) != 0 && errno != EPERM) {
    return;
  }
  if (!S_ISLNK(info.st_mode)) {
    ::chmod(to.c_str(), info.st_mode & 07777);
  }
  const std::array<timespec, 2> times{info.st_atim, info.st_mtim};
  ::utimensat(AT_FDCWD, to.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

Status copy_bytes(int from, int to, const std::string& name) {
  if (::ioctl(to, FICLONE, from) == 0) {
    return {};
  }
  std::vector<char> buffer(256 * 1024);
  while (true) {
    const ssize_t got = ::read(from, buffer.data(), buffer.size());
    if (got < 0) {
      return io_error(errno, "read", name);
    }
    if (got == 0) {
      return {};
    }
    for (ssize_t put = 0; put < got;) {
      const ssize_t n = ::write(to, buffer.data() + put, static_cast<size_t>(got - put));
      if (n < 0) {
        return io_error(errno, "write", name);
      }
      put += n;
    }
  }
}

Status copy_regular(const std::string& from, const std::string& to, const struct stat& info) {
  const Descriptor in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!in.good()) {
    return io_error(errno, "open", from);
  }
  const Descriptor out(
      ::open(to.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out.good()) {
    return io_error(errno, "open", to);
  }
  HF_TRY_VOID(copy_bytes(in.get(), out.get(), to));
  copy_metadata(to, info);
  return {};
}

// Links, pipes and the like: small things that are made anew.
Status copy_special(const std::string& from, const std::string& to, const struct stat& info) {
  if (S_ISLNK(info.st_mode)) {
    std::error_code failure;
    const fs::path target = fs::read_symlink(from, failure);
    if (!failure) {
      fs::create_symlink(target, to, failure);
    }
    if (failure) {
      return io_error(failure.value(), "copy the link", from);
    }
  } else if (S_ISFIFO(info.st_mode) && ::mkfifo(to.c_str(), info.st_mode & 07777) != 0) {
    return io_error(errno, "make the pipe", to);
  }
  copy_metadata(to, info);
  return {};
}

std::vector<std::string> names_in(const std::string& folder, bool top) {
  std::vector<std::string> names;
  std::error_code failure;
  for (fs::directory_iterator at(folder, failure), end; !failure && at != end;
       at.increment(failure)) {
    std::string name = at->path().filename();
    if (!top || name != kSnapshotFolder) {
      names.push_back(std::move(name));
    }
  }
  return names;
}

// Makes one tree like another and counts what it wrote.
class Mirror {
 public:
  Status folder(const std::string& from, const std::string& to, bool top) {
    std::set<std::string> wanted;
    for (const std::string& name : names_in(from, top)) {
      wanted.insert(name);
    }
    for (const std::string& name : names_in(to, top)) {
      if (!wanted.contains(name)) {
        HF_TRY_VOID(remove_tree(to + "/" + name));
      }
    }
    for (const std::string& name : wanted) {
      HF_TRY_VOID(entry(from + "/" + name, to + "/" + name));
    }
    struct stat info{};
    if (look(from, info)) {
      copy_metadata(to, info);
    }
    return {};
  }
  std::int64_t written() const { return written_; }

 private:
  Status entry(const std::string& from, const std::string& to) {
    struct stat source{};
    struct stat target{};
    if (!look(from, source)) {
      return errno == ENOENT ? Status()
                             : Status(io_error(errno, "look at", from));  // gone meanwhile
    }
    const bool present = look(to, target);
    if (present && (source.st_mode & S_IFMT) != (target.st_mode & S_IFMT)) {
      HF_TRY_VOID(remove_tree(to));
      return entry(from, to);
    }
    if (S_ISDIR(source.st_mode)) {
      if (!present && ::mkdir(to.c_str(), 0700) != 0) {
        return io_error(errno, "make the folder", to);
      }
      return folder(from, to, false);
    }
    if (S_ISREG(source.st_mode)) {
      return regular(from, to, source, present);
    }
    if (present) {
      ::unlink(to.c_str());
    }
    return copy_special(from, to, source);
  }

  Status regular(const std::string& from, const std::string& to, const struct stat& source,
                 bool present) {
    if (source.st_nlink > 1) {
      const auto [first, fresh] = linked_.try_emplace({source.st_dev, source.st_ino}, to);
      if (!fresh) {
        ::unlink(to.c_str());
        return ::link(first->second.c_str(), to.c_str()) == 0 ? Status()
                                                              : Status(io_error(errno, "link", to));
      }
    }
    if (!present) {
      written_ += source.st_size;
      return copy_regular(from, to, source);
    }
    HF_TRY_VOID(patch(from, to));
    copy_metadata(to, source);
    return {};
  }

  // Writes the blocks that differ, in place.
  Status patch(const std::string& from, const std::string& to) {
    const Descriptor in(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    const Descriptor out(::open(to.c_str(), O_RDWR | O_CLOEXEC));
    if (!in.good() || !out.good()) {
      return io_error(errno, "open", in.good() ? to : from);
    }
    std::array<char, kBlock> theirs;
    std::array<char, kBlock> ours;
    off_t at = 0;
    while (true) {
      const ssize_t got = ::pread(in.get(), theirs.data(), kBlock, at);
      if (got < 0) {
        return io_error(errno, "read", from);
      }
      if (got == 0) {
        break;
      }
      const ssize_t had = ::pread(out.get(), ours.data(), kBlock, at);
      if (had < got || std::memcmp(ours.data(), theirs.data(), static_cast<size_t>(got)) != 0) {
        if (::pwrite(out.get(), theirs.data(), static_cast<size_t>(got), at) != got) {
          return io_error(errno, "write", to);
        }
        written_ += got;
      }
      at += got;
    }
    return ::ftruncate(out.get(), at) == 0 ? Status() : Status(io_error(errno, "cut", to));
  }

  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::int64_t written_ = 0;
};

void measure(const std::string& folder, bool top, TreeUsage& usage) {
  for (const std::string& name : names_in(folder, top)) {
    struct stat info{};
    const std::string path = folder + "/" + name;
    if (!look(path, info)) {
      continue;
    }
    ++usage.files;
    if (S_ISDIR(info.st_mode)) {
      measure(path, false, usage);
    } else if (S_ISREG(info.st_mode)) {
      usage.bytes += info.st_size;
    }
  }
}

std::int64_t changed_in_file(const std::string& before, const std::string& now) {
  const Descriptor a(::open(before.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const Descriptor b(::open(now.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  std::array<char, kBlock> old;
  std::array<char, kBlock> fresh;
  std::int64_t changed = 0;
  for (off_t at = 0; b.good(); at += kBlock) {
    const ssize_t got = ::pread(b.get(), fresh.data(), kBlock, at);
    if (got <= 0) {
      break;
    }
    const ssize_t had = a.good() ? ::pread(a.get(), old.data(), kBlock, at) : -1;
    if (had != got || std::memcmp(old.data(), fresh.data(), static_cast<size_t>(got)) != 0) {
      changed += got;
    }
  }
  return changed;
}

std::int64_t changed_in_folder(const std::string& before, const std::string& now, bool top) {
  std::int64_t changed = 0;
  for (const std::string& name : names_in(now, top)) {
    struct stat info{};
    const std::string path = now + "/" + name;
    if (!look(path, info)) {
      continue;
    }
    if (S_ISDIR(info.st_mode)) {
      changed += changed_in_folder(before + "/" + name, path, false);
    } else if (S_ISREG(info.st_mode)) {
      changed += changed_in_file(before + "/" + name, path);
    }
  }
  return changed;
}

}  // namespace

TreeUsage measure_tree(const std::string& top) {
  TreeUsage usage;
  measure(top, true, usage);
  return usage;
}

Status copy_tree(const std::string& from, const std::string& to) {
  HF_TRY_VOID(make_folder(to));
  Mirror mirror;
  return mirror.folder(from, to, true);
}

Result<std::int64_t> mirror_tree(const std::string& from, const std::string& to) {
  HF_TRY_VOID(make_folder(to));
  Mirror mirror;
  HF_TRY_VOID(mirror.folder(from, to, true));
  return mirror.written();
}

std::int64_t changed_bytes(const std::string& before, const std::string& now) {
  return changed_in_folder(before, now, true);
}

Status copy_file_over(const std::string& from, const std::string& to) {
  struct stat info{};
  if (!look(from, info)) {
    return io_error(errno, "look at", from);
  }
  HF_TRY_VOID(make_folder(fs::path(to).parent_path()));
  // Beside, then over: whoever reads the old file goes on reading it.
  const std::string beside = to + ".restoring";
  HF_TRY_VOID(remove_tree(beside));
  HF_TRY_VOID(S_ISREG(info.st_mode) ? copy_regular(from, beside, info)
                                    : copy_special(from, beside, info));
  return rename_path(beside, to);
}

Status copy_file_range_over(const std::string& from, const std::string& to, std::int64_t start,
                            std::int64_t count) {
  const Descriptor in(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const Descriptor out(::open(to.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!in.good() || !out.good()) {
    return io_error(errno, "open", in.good() ? to : from);
  }
  std::array<char, kBlock> buffer;
  while (count > 0) {
    const size_t want = std::min<size_t>(kBlock, static_cast<size_t>(count));
    const ssize_t got = ::pread(in.get(), buffer.data(), want, start);
    if (got <= 0) {
      return got == 0 ? Status() : Status(io_error(errno, "read", from));
    }
    if (::pwrite(out.get(), buffer.data(), static_cast<size_t>(got), start) != got) {
      return io_error(errno, "write", to);
    }
    start += got;
    count -= got;
  }
  return {};
}

Status remove_tree(const std::string& top) {
  std::error_code failure;
  fs::remove_all(top, failure);
  return failure ? Status(io_error(failure.value(), "remove", top)) : Status();
}

Status make_folder(const std::string& path) {
  std::error_code failure;
  fs::create_directories(path, failure);
  return failure ? Status(io_error(failure.value(), "make the folder", path)) : Status();
}

Status rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) {
    return {};
  }
  std::error_code failure;
  if (errno != EXDEV || !fs::is_directory(from, failure)) {
    return io_error(errno, "rename", from);
  }
  // Between subvolumes: a copy that shares all blocks.
  HF_TRY_VOID(copy_tree(from, to));
  return remove_tree(from);
}

bool path_exists(const std::string& path) {
  struct stat info{};
  return look(path, info);
}

}  // namespace holdfast::ontap_sim

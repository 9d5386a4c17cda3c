#include "core/env/file_system.h"

namespace holdfast::env {
namespace {

Status write_and_sync(FileSystem& files, const std::string& path, ByteSpan data,
                      std::uint32_t permissions) {
  HF_TRY(const auto file, files.open(path, OpenMode::kCreateNew, 0600));
  HF_TRY_VOID(file->append(data));
  HF_TRY_VOID(file->sync());
  HF_TRY_VOID(file->close());
  return permissions == 0600 ? Status() : files.set_permissions(path, permissions);
}

}  // namespace

Result<Buffer> read_file(FileSystem& files, const std::string& path, std::uint64_t limit) {
  HF_TRY(const auto file, files.open(path, OpenMode::kRead));
  HF_TRY(const std::uint64_t size, file->size());
  if (size > limit) {
    return Error(Code::kResourceExhausted, "the file is longer than expected").with("path", path);
  }
  Buffer data(size);
  HF_TRY(const std::size_t count, file->read_at(0, data));
  data.resize(count);
  return data;
}

Status write_file_atomically(FileSystem& files, const std::string& path, ByteSpan data,
                             const AtomicWrite& how) {
  const std::string temporary = path + "-tmp-" + how.unique;
  Status done = write_and_sync(files, temporary, data, how.permissions);
  if (done) {
    done = files.rename(temporary, path);
  }
  if (!done) {
    static_cast<void>(files.remove(temporary));  // the first failure is the one to tell
    return done;
  }
  return files.sync_directory(parent_path(path));
}

std::string parent_path(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool exists(FileSystem& files, const std::string& path) { return files.stat(path).has_value(); }

}  // namespace holdfast::env

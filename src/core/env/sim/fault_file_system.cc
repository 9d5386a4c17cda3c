#include "core/env/sim/fault_file_system.h"

#include <cerrno>

namespace holdfast::env {
namespace {

class FaultFile final : public File {
 public:
  FaultFile(std::unique_ptr<File> inner, FaultPlan& plan, bool writes)
      : inner_(std::move(inner)), plan_(plan), writes_(writes) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan out) override {
    if (plan_.step(/*is_read=*/true)) {
      return plan_.injected();
    }
    return inner_->read_at(offset, out);
  }
  Status append(ByteSpan data) override {
    if (plan_.step(/*is_read=*/false)) {
      static_cast<void>(inner_->append(data.first(data.size() / 2)));
      return plan_.injected();
    }
    return inner_->append(data);
  }
  Status sync() override {
    return plan_.step(/*is_read=*/false) ? Status(plan_.injected()) : inner_->sync();
  }
  Status close() override {
    return writes_ && plan_.step(/*is_read=*/false) ? Status(plan_.injected()) : inner_->close();
  }
  Result<std::uint64_t> size() override { return inner_->size(); }

 private:
  std::unique_ptr<File> inner_;
  FaultPlan& plan_;
  bool writes_;
};

}  // namespace

Error FaultPlan::injected() const {
  return disk_full_ ? io_error(ENOSPC, "write", "an injected fault")
                    : Error(Code::kUnavailable, "injected fault", Retry::kUnknown);
}

bool FaultPlan::step(bool is_read) {
  if (is_read && !count_reads_) {
    return false;
  }
  const std::uint64_t n = ++count_;
  const std::uint64_t target = target_;
  const bool fail =
      target != 0 && (n == target || (n > target && lasting_ == Lasting::kFromThenOn));
  if (fail) {
    fired_ = true;
  }
  return fail;
}

Result<std::unique_ptr<File>> FaultFileSystem::open(const std::string& path, OpenMode mode,
                                                    std::uint32_t permissions) {
  const bool writes = mode != OpenMode::kRead;
  if (plan_.step(/*is_read=*/!writes)) {
    return plan_.injected();
  }
  HF_TRY(auto file, inner_.open(path, mode, permissions));
  return std::make_unique<FaultFile>(std::move(file), plan_, writes);
}

Status FaultFileSystem::rename(const std::string& from, const std::string& to) {
  return plan_.step(false) ? Status(plan_.injected()) : inner_.rename(from, to);
}

Status FaultFileSystem::remove(const std::string& path) {
  return plan_.step(false) ? Status(plan_.injected()) : inner_.remove(path);
}

Result<std::vector<DirectoryEntry>> FaultFileSystem::list(const std::string& path) {
  if (plan_.step(/*is_read=*/true)) {
    return plan_.injected();
  }
  return inner_.list(path);
}

Result<FileInfo> FaultFileSystem::stat(const std::string& path) {
  if (plan_.step(/*is_read=*/true)) {
    return plan_.injected();
  }
  return inner_.stat(path);
}

Status FaultFileSystem::make_directories(const std::string& path, std::uint32_t permissions) {
  return plan_.step(false) ? Status(plan_.injected()) : inner_.make_directories(path, permissions);
}

Status FaultFileSystem::sync_directory(const std::string& path) {
  return plan_.step(false) ? Status(plan_.injected()) : inner_.sync_directory(path);
}

Status FaultFileSystem::set_permissions(const std::string& path, std::uint32_t permissions) {
  return plan_.step(false) ? Status(plan_.injected()) : inner_.set_permissions(path, permissions);
}

Result<FileSystemSpace> FaultFileSystem::space(const std::string& path) {
  if (plan_.step(/*is_read=*/true)) {
    return plan_.injected();
  }
  return inner_.space(path);
}

}  // namespace holdfast::env

// Fails chosen operations of another file system: the loop "fail the 1st, check, fail the 2nd,
// ...".
#pragma once

#include <atomic>
#include <cstdint>

#include "core/env/file_system.h"

namespace holdfast::env {

// Which operation fails. Counted are all that change something: open to write, append, sync, close
// of a written file, rename, remove, make_directories, sync_directory, set_permissions; reads too
// when `count_reads`. Shared by any number of decorators; thread-safe.
class FaultPlan {
 public:
  enum class Lasting { kOnce, kFromThenOn };

  // The `n`-th counted operation from now (1 = the next) fails; 0 = none.
  void fail_at(std::uint64_t n, Lasting lasting = Lasting::kOnce) {
    lasting_ = lasting;
    fired_ = false;
    count_ = 0;
    target_ = n;
  }
  void count_reads(bool yes) { count_reads_ = yes; }
  // Failures are those of a full disk (kResourceExhausted) instead of kUnavailable.
  void disk_full(bool yes) { disk_full_ = yes; }
  bool fired() const { return fired_; }
  std::uint64_t count() const { return count_; }

  // Counts one operation and says whether it is to fail.
  bool step(bool is_read);
  Error injected() const;

 private:
  std::atomic<std::uint64_t> count_{0};
  std::atomic<std::uint64_t> target_{0};
  std::atomic<bool> fired_{false};
  std::atomic<bool> count_reads_{false};
  std::atomic<bool> disk_full_{false};
  std::atomic<Lasting> lasting_{Lasting::kOnce};
};

// A failed operation answers kUnavailable "injected fault"; a failed append writes half of its data
// first, a failed rename or remove does nothing.
class FaultFileSystem final : public FileSystem {
 public:
  FaultFileSystem(FileSystem& inner, FaultPlan& plan) : inner_(inner), plan_(plan) {}

  Result<std::unique_ptr<File>> open(const std::string& path, OpenMode mode,
                                     std::uint32_t permissions) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove(const std::string& path) override;
  Result<std::vector<DirectoryEntry>> list(const std::string& path) override;
  Result<FileInfo> stat(const std::string& path) override;
  Status make_directories(const std::string& path, std::uint32_t permissions) override;
  Status sync_directory(const std::string& path) override;
  Status set_permissions(const std::string& path, std::uint32_t permissions) override;
  Result<FileSystemSpace> space(const std::string& path) override;

 private:
  FileSystem& inner_;
  FaultPlan& plan_;
};

// Calls attempt(n) with the n-th operation failing, for n = 1, 2, ... until a run ends before its
// fault is reached; returns how many faults fired. `attempt` prepares a fresh world itself, calls
// plan.fail_at(n, lasting) where the counted part starts, and checks the outcome.
template <class Attempt>
std::uint64_t for_each_fault(FaultPlan& plan, Attempt attempt, std::uint64_t limit = 100'000) {
  for (std::uint64_t n = 1; n <= limit; ++n) {
    attempt(n);
    if (!plan.fired()) {
      return n - 1;
    }
  }
  return limit;
}

}  // namespace holdfast::env

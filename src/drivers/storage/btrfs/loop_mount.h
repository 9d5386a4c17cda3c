// For tests: one btrfs filesystem on a loop device, seen by this process only.
#pragma once

#include <string>

namespace holdfast::storage {

class LoopMount {
 public:
  // The process's filesystem, made at first use. It lies in memory, in a private mount namespace,
  // on a device that clears itself: nothing is left however the process ends.
  static const LoopMount& instance();

  // Why there is none; empty when there is one. Where the environment's HOLDFAST_REQUIRE lists
  // btrfs, a missing one is a failure of the test that asked.
  const std::string& unavailable() const { return unavailable_; }
  const std::string& path() const { return path_; }

 private:
  LoopMount();
  std::string make();

  std::string path_;
  std::string unavailable_;
};

}  // namespace holdfast::storage

// Write fences: while one holds, the files of its volumes do not change.
//
// On btrfs the volume's subvolume is read only meanwhile, for every program. Elsewhere a fence
// holds for writers that come through the data port or the files API, which wait; it is refused
// unless the configuration says that they all do.
#pragma once

#include <condition_variable>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace holdfast::ontap_sim {

struct FencedVolume {
  std::string uuid;
  std::string folder;
};

// Thread-safe.
class Fences {
 public:
  // All or none: an error lifts what was set.
  Status raise(const std::vector<FencedVolume>& volumes);
  void lift(const std::vector<FencedVolume>& volumes);
  bool holds(const std::string& volume) const;
  // Blocks while a fence holds. False when the world ends.
  bool wait_until_clear(const std::string& volume);
  void end();

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::multiset<std::string> held_;
  bool ended_ = false;
};

}  // namespace holdfast::ontap_sim

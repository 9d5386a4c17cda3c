// What the steps of one run have seen of its volumes, so that each does not ask for itself.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "drivers/storage/driver.h"

namespace holdfast::activities {

// A look is shared for kFresh and within one run only: another run, or the same a minute later, may
// find the volume changed. Methods may be called from any thread.
class RunLooks {
 public:
  static constexpr Nanoseconds kFresh = std::chrono::seconds(30);

  std::optional<storage::Volume> find(const std::string& run, const std::string& path,
                                      MonoTime now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(seen_, [now](const auto& one) { return one.second.at + kFresh <= now; });
    const auto found = seen_.find({run, path});
    return found == seen_.end() ? std::nullopt : std::optional(found->second.volume);
  }
  void keep(const std::string& run, const std::string& path, storage::Volume volume, MonoTime now) {
    const std::lock_guard lock(mutex_);
    seen_.insert_or_assign({run, path}, Look{std::move(volume), now});
  }

 private:
  struct Look {
    storage::Volume volume;
    MonoTime at;
  };
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Look> seen_;
};

}  // namespace holdfast::activities

#include "simulators/ontap/model/fence.h"

#include "core/base/log.h"
#include "simulators/ontap/store/subvolume.h"

namespace holdfast::ontap_sim {

Status Fences::raise(const std::vector<FencedVolume>& volumes) {
  {
    const std::lock_guard hold(mutex_);
    for (const FencedVolume& volume : volumes) {
      held_.insert(volume.uuid);
    }
  }
  for (const FencedVolume& volume : volumes) {
    if (!is_subvolume(volume.folder)) {
      continue;
    }
    if (Status set = set_read_only(volume.folder, true); !set) {
      lift(volumes);
      return set;
    }
  }
  return {};
}

void Fences::lift(const std::vector<FencedVolume>& volumes) {
  for (const FencedVolume& volume : volumes) {
    if (is_subvolume(volume.folder)) {
      if (const Status set = set_read_only(volume.folder, false); !set) {
        log_error("sim.fence_stays",
                  {{"folder", volume.folder}, {"error", set.error().to_string()}});
      }
    }
  }
  const std::lock_guard hold(mutex_);
  for (const FencedVolume& volume : volumes) {
    if (const auto found = held_.find(volume.uuid); found != held_.end()) {
      held_.erase(found);
    }
  }
  changed_.notify_all();
}

bool Fences::holds(const std::string& volume) const {
  const std::lock_guard hold(mutex_);
  return held_.contains(volume);
}

bool Fences::wait_until_clear(const std::string& volume) {
  std::unique_lock hold(mutex_);
  changed_.wait(hold, [&] { return ended_ || !held_.contains(volume); });
  return !ended_;
}

void Fences::end() {
  const std::lock_guard hold(mutex_);
  ended_ = true;
  changed_.notify_all();
}

}  // namespace holdfast::ontap_sim

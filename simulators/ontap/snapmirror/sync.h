// Synchronous relationships: what is written at the source comes to the destination by itself.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "simulators/ontap/model/world.h"
#include "simulators/ontap/store/mark.h"

namespace holdfast::ontap_sim {

// What the last transfer of each relationship began with. One look at a time.
class SyncMirrors {
 public:
  // Starts a transfer for every relationship whose source was written to since. One whose source's
  // cluster is dead is out_of_sync, and synchronised again once it answers. Takes the lock.
  void look(World& world);

 private:
  struct Due {
    Cluster* cluster = nullptr;  // of the destination
    std::string id;
    std::string state;
    std::string source{};  // folder of the first volume; empty: it is gone
    bool source_is_dead = false;
  };
  static std::vector<Due> all(World& world);
  static void start(World& world, const Due& due, const char* type);
  static void lose(World& world, const Due& due);

  std::map<std::string, TreeMark> marks_;
};

// A look each Config::sync_time, until the world ends.
void start_sync(World& world);

}  // namespace holdfast::ontap_sim

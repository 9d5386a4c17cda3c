// How much of a tree an array would not store twice.
#pragma once

#include <map>
#include <string>

#include "core/base/time.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {

// The share, 0 to 1, of 4 KiB blocks that are zero or that came before in the tree; read from a
// sample of a few MiB.
double repeated_share(const std::string& top);

// Remembers shares for a minute while the size of the tree stays. Under the world's lock.
class Savings {
 public:
  double share_of(const std::string& top, const TreeUsage& usage, MonoTime now);

 private:
  struct Seen {
    TreeUsage usage;
    MonoTime at;
    double share = 0;
  };
  std::map<std::string, Seen> seen_;
};

}  // namespace holdfast::ontap_sim

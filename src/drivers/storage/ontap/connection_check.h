// Whether a system can be used, and what is missing when it cannot.
#pragma once

#include <string>
#include <vector>

#include "core/async/pool.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

struct Check {
  std::string name;  // "connection", "version", "gateway", "right: ...", "mount: ..."
  bool good = false;
  std::string detail;  // what was seen
  std::string advice;  // what to do; empty where it is good
};

struct ConnectionReport {
  bool good() const;
  std::vector<Check> checks;
};

// Asks the system and everything behind it; writes nothing. What was not reached because of an
// earlier failure has no check. `pool` runs the looks at mounts.
async::Co<ConnectionReport> test_connection(std::shared_ptr<System> system, async::Pool* pool);
Json to_json(const ConnectionReport& report);

}  // namespace holdfast::storage::ontap

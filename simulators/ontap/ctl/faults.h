// Faults that a test script switches on: what the simulator does wrong, where, how often.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "simulators/ontap/model/cluster.h"

namespace holdfast::ontap_sim {

// One fault. `kind` is one of
//   slow (milliseconds), throttle (429 with Retry-After seconds), error (status, code, message),
//   cut (bytes of the body), down, job_failure (code, message), slow_job (milliseconds), stuck_job,
//   transfer_failure (code, message; path is the destination's), split_failure (code, message; path
//   is the clone's svm:volume), stale_lag (seconds), next_loop, partial_list, unauthorized
struct FaultRule {
  std::int64_t id = 0;
  std::string kind;
  std::string cluster;      // name; empty: every cluster; "um": the Unified Manager
  std::string method;       // empty: every one
  std::string path;         // pattern with *, without /api; empty: every path
  std::string route;        // "direct" or "gateway"; empty: both
  std::int64_t skip = 0;    // calls that pass before it bites
  std::int64_t times = -1;  // how often it bites; -1: until it is cleared
  JsonObject values;        // of this kind
};

// Rules in the order in which they were given. Thread-safe.
class Faults {
 public:
  std::int64_t add(FaultRule rule);
  void clear();
  // Removes one; false when there is none with this id.
  bool remove(std::int64_t id);
  std::vector<FaultRule> list() const;

  struct Place {
    std::string cluster;
    std::string method;
    std::string path;
    std::string route;
  };
  // The first rule of the kind that bites at this call, counted.
  std::optional<FaultRule> take(std::string_view kind, const Place& place);
  // Whether one would bite, without counting it.
  std::optional<FaultRule> peek(std::string_view kind, std::string_view cluster) const;

 private:
  mutable std::mutex mutex_;
  std::vector<FaultRule> rules_;
  std::int64_t next_id_ = 1;
};

}  // namespace holdfast::ontap_sim

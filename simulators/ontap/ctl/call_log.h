// Every call that the simulator answered: DIR/calls.jsonl, one JSON object a line, and the last
// ones in memory.
#pragma once

#include <deque>
#include <fstream>
#include <mutex>
#include <string>
#include <vector>

#include "simulators/ontap/rest/fault.h"

namespace holdfast::ontap_sim {

struct CallEntry {
  std::string time = {};
  std::string cluster = {};  // name, or "um"
  std::string route = {};    // direct, gateway, manager
  std::string method = {};
  std::string path = {};    // as it was sent, without /api and the gateway's prefix
  std::string client = {};  // X-Dot-Client-App, else User-Agent
  int status = 0;
  std::string code = {};  // of an error
  std::int64_t milliseconds = 0;
  std::string fault = {};    // kind of the scripted fault that bit
  std::string request = {};  // X-Request-Id
  std::string trace = {};    // traceparent
};

// Thread-safe.
class CallLog {
 public:
  explicit CallLog(const std::string& file) : file_(file, std::ios::app) {}
  void add(CallEntry entry);
  // Those with a number above `since`, oldest first.
  std::vector<JsonObject> since(std::int64_t number) const;
  std::int64_t count() const;

 private:
  mutable std::mutex mutex_;
  std::ofstream file_;
  std::deque<JsonObject> last_;
  std::int64_t next_ = 1;
};

}  // namespace holdfast::ontap_sim

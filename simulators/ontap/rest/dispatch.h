// From an HTTP request to an answer: routes, resources, and the envelope of every answer.
#pragma once

#include <string>
#include <vector>

#include "core/async/co.h"
#include "simulators/ontap/rest/resource.h"

namespace holdfast::ontap_sim {

struct Dispatch {
  std::shared_ptr<const net::HttpRequest> http = {};
  std::vector<std::string> segments = {};  // of the path behind /api
  std::string base = "/api";
  bool gateway = false;
};

// What an answer still waits for.
struct Prepared {
  net::HttpReply reply;
  std::vector<std::string> jobs;  // that a caller may wait for
  std::int64_t wait = 0;          // seconds
  Answer answer;                  // to be told once they ended
  std::string base;
  std::string location;
  bool return_records = false;
};

// Runs on a thread that may block; takes the world's lock itself.
Prepared dispatch(World& world, Cluster& cluster, const Dispatch& what);
// Once the jobs ended, or the time is over: the final answer.
net::HttpReply finish(World& world, Cluster& cluster, Prepared prepared);
// Whether all its jobs have ended.
bool jobs_ended(World& world, Cluster& cluster, const Prepared& prepared);

net::HttpReply json_reply(int status, const JsonObject& body);
net::HttpReply fault_reply(const Fault& fault);

}  // namespace holdfast::ontap_sim

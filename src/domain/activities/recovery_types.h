// The plans of recoveries and proofs: plain values (codec.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/activities/codec.h"
#include "domain/activities/data_types.h"

namespace holdfast::activities {

// Everything a recovery run needs, frozen when it begins.
struct RecoveryPlan {
  std::string run_id;
  std::string resource_id;
  std::string resource_name;
  std::string point_id;
  UtcTime point_time;
  std::string copy_id;
  std::string copy_level;
  std::string copy_where;
  RestoreRequest restore;
  std::string agent;  // on whose host the target is; empty: the server's own
  bool dry_run = false;
  bool validate = true;
  bool notify = true;
  bool four_eyes = false;
  std::vector<std::string> channels;
  std::string requested_by;
  UtcTime requested_at;
  std::int64_t rto_target_seconds = 0;
  std::int64_t estimate_p50_seconds = 0;  // over earlier recoveries, scaled by bytes
  std::int64_t estimate_p90_seconds = 0;
  std::int64_t estimate_samples = 0;
  std::string why;           // how the point was chosen, one sentence
  bool native = false;       // the driver of the copy may bring it back by itself
  std::string wanted_means;  // what the caller insists on; empty: what loses nothing
  // Of a group recovery: its name, and what comes back beside `restore`, to the same instant.
  std::string group;
  std::vector<RestoreRequest> members;

  static void fields(auto& v, auto&& visit) {
    visit("run_id", v.run_id);
    visit("resource_id", v.resource_id);
    visit("resource_name", v.resource_name);
    visit("point_id", v.point_id);
    visit("point_time", v.point_time);
    visit("copy_id", v.copy_id);
    visit("copy_level", v.copy_level);
    visit("copy_where", v.copy_where);
    visit("restore", v.restore);
    visit("agent", v.agent);
    visit("dry_run", v.dry_run);
    visit("validate", v.validate);
    visit("notify", v.notify);
    visit("four_eyes", v.four_eyes);
    visit("channels", v.channels);
    visit("requested_by", v.requested_by);
    visit("requested_at", v.requested_at);
    visit("rto_target_seconds", v.rto_target_seconds);
    visit("estimate_p50_seconds", v.estimate_p50_seconds);
    visit("estimate_p90_seconds", v.estimate_p90_seconds);
    visit("estimate_samples", v.estimate_samples);
    visit("why", v.why);
    visit("native", v.native);
    visit("wanted_means", v.wanted_means);
    visit("group", v.group);
    visit("members", v.members);
  }
};

// One proof of one copy of a point.
struct ProofPlan {
  std::string run_id;
  std::string resource_id;
  std::string resource_name;
  std::string point_id;
  UtcTime point_time;
  std::string copy_id;
  std::string copy_level;
  std::string level;       // wanted: L1, L2, L3, L4
  RestoreRequest restore;  // target is the scratch directory of the server
  std::string agent;       // which proves it, in a scratch directory of its own; empty: the server
  std::string probe_command;
  std::vector<std::string> channels;
  bool native = false;  // the driver of the copy may clone it

  static void fields(auto& v, auto&& visit) {
    visit("run_id", v.run_id);
    visit("resource_id", v.resource_id);
    visit("resource_name", v.resource_name);
    visit("point_id", v.point_id);
    visit("point_time", v.point_time);
    visit("copy_id", v.copy_id);
    visit("copy_level", v.copy_level);
    visit("level", v.level);
    visit("restore", v.restore);
    visit("agent", v.agent);
    visit("probe_command", v.probe_command);
    visit("native", v.native);
    visit("channels", v.channels);
  }
};

// What a proof reached: `reached` may be below what was wanted, with the reason in the detail.
struct ProofDone {
  std::string reached;
  Verdict verdict;

  static void fields(auto& v, auto&& visit) {
    visit("reached", v.reached);
    visit("verdict", v.verdict);
  }
};

}  // namespace holdfast::activities

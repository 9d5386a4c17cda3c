// Policies: what is promised for a resource. Decoded from documents, kept by name and version.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"
#include "domain/inventory/model.h"
#include "domain/schedule/calendar.h"

namespace holdfast::protect {

// One copy that the policy promises. `repository` is a name; empty: the default of the level.
struct Level {
  std::string level;  // local_snapshot, local_replica, remote_replica, cloud_backup, archive
  std::string repository;
  // Where the storage system itself keeps it: CLUSTER/svm:volume or STORE:/objstore; empty: the
  // only replica that the volume has of this level.
  std::string destination{};
  std::string mirror_policy{};  // of a relationship that is made; empty: our own
  Nanoseconds lock{0};          // nobody can delete the copy before
  // When a relationship that is made transfers by itself, beside each backup: a schedule of its
  // cluster by name, or five fields of cron, which is made there; empty: never.
  std::string transfer_schedule{};
};

// What happens to an occurrence whose predecessor of the same schedule still runs.
enum class Overlap {
  kSkip,     // it is left out, and recorded as skipped
  kQueue,    // the newest one starts when the running one has ended
  kReplace,  // the running one is cancelled, and it starts when that has ended
};
std::string_view overlap_name(Overlap overlap);

// How a schedule fires; written for the whole policy, for one schedule, or both.
struct FireRules {
  Overlap overlap = Overlap::kSkip;
  Nanoseconds jitter{0};                            // starts up to this much after the due time
  Nanoseconds catch_up = std::chrono::hours(8760);  // how late a missed run is still made up
  bool paused = false;                              // nothing starts until a document says so
};

struct ScheduleEntry {
  std::string label;
  schedule::Rule rule;
  std::string retention;  // as written; empty: keep
  FireRules fire;
};

// The switches of the requirements' scheduled_backup document; false = skipped and shown as
// skipped.
struct Switches {
  bool check_space = true;
  bool verify_connectivity = true;
  bool validate_snapmirror = true;
  bool consistency_group = true;
  bool application_quiesce = true;
  bool verify_integrity = true;
  bool update_catalog = true;
  bool send_notifications = true;
};
Json to_json(const Switches& switches);
Switches switches_from_json(const Json& value);

struct Policy {
  std::string id;
  std::string name;
  int version = 0;
  std::string timezone;
  FireRules fire;  // of schedules that say nothing else
  std::vector<ScheduleEntry> schedules;
  std::vector<Level> levels;
  Nanoseconds rpo{};  // zero: no target
  Nanoseconds rto{};
  inventory::ProofDemand proof;
  Switches switches;
  std::string consistency = "none";  // the least that is demanded: none, crash, application
  std::vector<std::string> channels;
  std::map<std::string, std::string> selector;  // labels a resource must have to be bound
  bool four_eyes = false;
  Json document;  // as applied
};

// Decodes a `kind: policy` document or the requirements' `workflow_name: scheduled_backup`
// document. Every problem is named with its JSON pointer. `default_zone` is frozen in where the
// document names no time zone.
Result<Policy> decode_policy(const Json& document, std::string_view default_zone);

// The policy of a resource for which nobody has written one: daily at 02:00, 30 days, two levels on
// this machine's default repository, RPO 24 h, proof L2 every 7 days.
Policy default_policy(std::string_view default_zone);

// The name under which a document is kept: `name`, else `workflow_name`.
std::string policy_name(const Json& document);

}  // namespace holdfast::protect

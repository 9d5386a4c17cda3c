// The catalog's values: resources, repositories, recovery points, copies and proofs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/ids.h"
#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::inventory {

using ResourceId = StrongId<struct ResourceTag>;      // res_...
using RepositoryId = StrongId<struct RepositoryTag>;  // repo_...
using PointId = StrongId<struct PointTag>;            // pt_...
using CopyId = StrongId<struct CopyTag>;              // copy_...

// Proof levels, always said in full (DESIGN: words). Higher includes the lower ones, except that L4
// does not include L3.
enum class ProofLevel { kL0, kL1, kL2, kL3, kL4 };
std::string_view proof_level_name(ProofLevel level);  // "L2"
Result<ProofLevel> proof_level_from_name(std::string_view name);
// Whether a proof at `reached` satisfies a demand for `wanted`.
bool satisfies(ProofLevel reached, ProofLevel wanted);

struct Resource {
  ResourceId id;
  std::string name;
  std::string path;
  std::string driver;  // directory, btrfs
  std::string agent;   // name of the agent whose host has it; empty: the server's own
  std::string policy;  // name; empty: the default policy
  std::map<std::string, std::string> labels;
  std::string quiesce_command;
  std::string release_command;
  std::string probe_command;
  std::string consistency_group;
  UtcTime created_at;
};

struct Repository {
  RepositoryId id;
  std::string name;
  std::string location;    // directory
  std::string group;       // one repository per trust and retention group
  std::string replica_of;  // name of the repository whose chunker it shares; empty: none
  std::string password_file;
  std::string same_disk_as;  // name of a repository on the same filesystem; empty: none
  UtcTime created_at;
};

struct Proof {
  ProofLevel level = ProofLevel::kL0;
  UtcTime at;
  std::string run_id;
  std::string detail;
};

struct Copy {
  CopyId id;
  std::string level;       // local_snapshot, local_replica
  std::string method;      // restic, btrfs_snapshot
  std::string repository;  // name; empty for a storage snapshot
  std::string location;    // repository directory or snapshot path
  std::string snapshot_id;
  std::string state;  // available, missing, expired
  std::uint64_t added_bytes = 0;
  Proof proof;  // the best one; kL0 when there is none
};

// One schedule whose run made the point, with the retention it promised.
struct ScheduleLabel {
  std::string label;
  std::string retention;  // as written: 30_days
};

struct Point {
  PointId id;
  ResourceId resource;
  std::string resource_name;
  UtcTime time;  // consistency time
  std::string consistency;
  bool manual = false;
  bool partial = false;
  std::vector<ScheduleLabel> schedules;
  std::string timezone;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::string run_id;
  std::vector<Copy> copies;
};

enum class PointState { kProven, kCovered, kUnproven };
std::string_view point_state_name(PointState state);

// What a policy asks of proofs.
struct ProofDemand {
  ProofLevel level = ProofLevel::kL2;
  Nanoseconds interval = std::chrono::hours(24 * 7);
};

// The newest proof of one (resource, copy level, method), at the demanded level or above.
struct ProofRecord {
  std::string level;
  std::string method;
  Proof proof;
};

// *Proven*: a copy has its own proof at the demanded level. *Covered*: a copy is at least L1 and a
// proof of the same resource, copy level and method is younger than the interval. Pure.
PointState state_of(const Point& point, const std::vector<ProofRecord>& records,
                    const ProofDemand& demand, UtcTime now);
// The best proof over the available copies; kL0 when there is none.
Proof best_proof(const Point& point);
// Whether any copy can be read now.
bool usable(const Point& point);

}  // namespace holdfast::inventory

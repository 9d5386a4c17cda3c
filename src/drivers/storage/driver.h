// The port to storage systems: what holds volumes and may be able to snapshot them.
//
// A driver states its capabilities; nobody finds them out by failing. An operation that the
// capabilities deny answers kFailedPrecondition. Methods may be called from any thread and run
// their blocking calls on the driver's pool; the driver must outlive the coroutines. Transport and
// system errors carry their retry class. driver_contract.h holds the promises that every driver
// keeps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/async/co.h"
#include "core/async/pool.h"

namespace holdfast::storage {

class Replication;    // replication.h
class NativeRestore;  // native_restore.h

// What a copy read from this driver is worth: files of different instants, the state that a power
// cut would leave, or one that the application has agreed to.
enum class Consistency { kNone, kCrash, kApplication };
std::string_view consistency_name(Consistency value);  // "none", "crash", "application"
Result<Consistency> parse_consistency(std::string_view text);

struct Capabilities {
  Consistency consistency = Consistency::kNone;
  bool snapshots = false;         // create, list, delete, read
  bool change_detection = false;  // unchanged_since
  bool clones = false;            // writable copies of a snapshot
  bool space = false;             // space
  bool replicas = false;          // can have replicas of its own; see replicas()
  bool groups = false;            // one snapshot of several volumes at one instant
  bool retention = false;         // snapshots that cannot be deleted before a time
};

struct SystemInfo {
  std::string kind;    // the driver's
  std::string id;      // stable identity of the system: an UUID or a host name
  std::string detail;  // one line for people
};

// Where a resource lies. All paths are absolute and free of symbolic links.
struct Volume {
  std::string id;    // stable identity of the volume within its system
  std::string root;  // top directory of the live volume
  std::string path;  // what is protected: `root` or below
  // Trees below `path` that a snapshot does not hold, because they are volumes of their own.
  std::vector<std::string> not_included;
  // What the driver saw of it, for the operation that look() began; of the driver, and never kept.
  std::shared_ptr<const void> seen{};
};

struct Space {
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;  // to an ordinary user
};

// One replica relation of a volume that the storage system itself maintains.
struct Replica {
  std::string id;
  std::string target;
  bool healthy = false;
  std::string state;  // the system's own word
  std::optional<Nanoseconds> lag;
};

struct SnapshotSpec {
  std::string name;     // the recovery point's id; letters, digits, '-', '_' and '.'
  std::string comment;  // kept beside the snapshot, up to 4 KiB (ontap: 255 bytes)
  // Only where `retention` is a capability: not deleted before it, by anybody but an administrator
  // (keep_until), or by nobody at all (locked_until).
  std::optional<UtcTime> keep_until{};
  std::optional<UtcTime> locked_until{};
  // The application is quiet now and agrees to this state: a group then needs no fence of its own.
  bool application_quiet = false;
};

// Until when a snapshot is kept; see SnapshotSpec.
struct Keep {
  std::optional<UtcTime> keep_until{};
  std::optional<UtcTime> locked_until{};
};

// Volumes that the storage system itself keeps at one instant.
struct Group {
  std::string name;
  std::vector<std::string> volumes;  // Volume::id of each
};

struct Snapshot {
  std::string name;
  std::string comment;
  UtcTime time;                           // when it was taken: its consistency time
  std::string version;                    // changes when the content does: an opaque text
  std::optional<UtcTime> locked_until{};  // nobody can delete it before; nothing: not locked
};

// How to read one state of a volume.
struct ReadView {
  std::string read_path;  // where the bytes are
  std::string live_path;  // where they live: what to record as their path
  // Same for every snapshot of one volume, because st_dev is not; 0: the files' own device.
  std::uint64_t device_id = 0;
  Consistency consistency = Consistency::kNone;
  std::vector<std::string> exclude;  // relative to read_path: the driver's own files
};

struct Clone {
  std::string name;
  std::string path;  // writable
};

class Driver {
 public:
  virtual ~Driver() = default;

  virtual std::string_view kind() const = 0;
  virtual const Capabilities& capabilities() const = 0;

  // The system that holds `path`. kNotFound: no such path.
  virtual async::Co<Result<SystemInfo>> describe(std::string path) = 0;
  // The volume of a directory. kNotFound: no such path; kInvalidArgument: not a directory, or not
  // absolute; kFailedPrecondition: it is not of this driver's kind.
  virtual async::Co<Result<Volume>> resolve(std::string path) = 0;
  // As resolve(), for one operation of several steps: those that only read may use what was seen
  // here instead of asking the system again.
  virtual async::Co<Result<Volume>> look(std::string path) { return resolve(std::move(path)); }
  // Whether the volume can be read now and, where there are snapshots, whether one could be made.
  virtual async::Co<Status> verify_connectivity(Volume volume) = 0;
  virtual async::Co<Result<Space>> space(Volume volume) = 0;
  // Empty: none configured. Needs no capability.
  virtual async::Co<Result<std::vector<Replica>>> replicas(Volume volume) = 0;

  // Durable when it returns. A snapshot of this name that exists already is returned as it is:
  // repeating the call is harmless.
  virtual async::Co<Result<Snapshot>> create_snapshot(Volume volume, SnapshotSpec spec) = 0;
  // One instant of several volumes of one system: writes to all of them are fenced until every
  // snapshot is taken, and a snapshot of some is none. Answers in the order of `volumes`; otherwise
  // as create_snapshot. kDeadlineExceeded (transient): the fence ended first; nothing is left of
  // it.
  virtual async::Co<Result<std::vector<Snapshot>>> create_group_snapshot(
      std::vector<Volume> volumes, SnapshotSpec spec);
  // The group that the volume is in, as its system has it; nothing: in none. Needs `groups`.
  virtual async::Co<Result<std::optional<Group>>> group_of(Volume volume);
  // The snapshots that create_snapshot made of this volume, oldest first.
  virtual async::Co<Result<std::vector<Snapshot>>> list_snapshots(Volume volume) = 0;
  // Success too when there is none of that name.
  virtual async::Co<Status> delete_snapshot(Volume volume, std::string name) = 0;
  // Keeps a snapshot that is there longer than was said when it was made; a lock only grows. Only
  // where `retention` is a capability. kNotFound: no such snapshot of ours.
  virtual async::Co<Result<Snapshot>> keep_snapshot(Volume volume, std::string name, Keep keep);
  // True only when nothing in the volume has changed since the snapshot was taken; false may mean
  // «not sure». kNotFound: no such snapshot.
  virtual async::Co<Result<bool>> unchanged_since(Volume volume, std::string name) = 0;
  // An empty name is the live tree. kNotFound: no such snapshot, or the path is not in it.
  virtual async::Co<Result<ReadView>> read_view(Volume volume, std::string name) = 0;

  // A writable copy of a snapshot, for proofs. Idempotent by `clone_name`, like create_snapshot.
  virtual async::Co<Result<Clone>> create_clone(Volume volume, std::string snapshot,
                                                std::string clone_name) = 0;
  virtual async::Co<Status> delete_clone(Volume volume, std::string clone_name) = 0;
  // The same of several volumes, from one group snapshot of theirs; answers in their order. Only
  // where `groups` and `clones` are capabilities.
  virtual async::Co<Result<std::vector<Clone>>> create_group_clone(std::vector<Volume> volumes,
                                                                   std::string snapshot,
                                                                   std::string clone_name);
  // Success too when there is none.
  virtual async::Co<Status> delete_group_clone(std::vector<Volume> volumes, std::string clone_name);

  // Further ports of the same system; nullptr where it has nothing of the kind.
  virtual Replication* replication() { return nullptr; }
  virtual NativeRestore* native_restore() { return nullptr; }
};

// Helpers for drivers.
Status check_name(std::string_view name);
Error unsupported(std::string_view kind, std::string_view what);
// The path without symbolic links; errors as Driver::resolve().
Result<std::string> real_directory(const std::string& path);
Result<Space> filesystem_space(const std::string& path);

}  // namespace holdfast::storage

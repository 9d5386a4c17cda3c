// What data activities take and answer: plain values with JSON codecs, usable from workflow code.
//
// References only (paths, ids, counts, short samples): a payload stays far below 64 KiB whatever
// the size of the data. Decoding a value that this code encoded never fails; a field that is
// missing has its default.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/base/time.h"

namespace holdfast::activities {

// Where a repository is and what opens it.
struct RepositoryRef {
  std::string name;
  std::string location;
  std::string password_file;
};

// What the storage driver protects and what it promises.
struct VolumeRef {
  std::string driver;  // directory, btrfs
  std::string path;
};

struct SnapshotTaken {
  std::string name;         // of the storage snapshot; empty: the driver has none
  std::string read_path;    // where the engine reads
  std::string device_id;    // stable over snapshots of the same volume; empty: the files' own
  std::string consistency;  // none, crash, application
  UtcTime time;
};

struct BackupRequest {
  RepositoryRef repository;
  std::string read_path;
  std::string live_path;
  std::string device_id;
  std::string parent_snapshot;  // empty: none known
  std::vector<std::string> tags;
  std::string host;
  UtcTime time;
};

struct BackupDone {
  std::string snapshot_id;
  std::uint64_t files = 0;
  std::uint64_t files_new = 0;
  std::uint64_t files_changed = 0;
  std::uint64_t bytes = 0;        // logical size of the point
  std::uint64_t added_bytes = 0;  // stored for it, after deduplication and compression
  bool partial = false;
  std::vector<std::string> problems;  // unreadable or changing files, a sample of at most 20
  std::uint64_t problem_count = 0;
};

struct CopyRequest {
  RepositoryRef from;
  RepositoryRef to;
  std::string snapshot_id;
};

struct RestoreRequest {
  RepositoryRef repository;  // method restic
  std::string snapshot_id;
  std::string snapshot_path;       // method btrfs_snapshot: where the snapshot can be read
  std::string source_path;         // the live path whose tree the snapshot holds
  std::vector<std::string> paths;  // relative to the source path; empty: everything
  std::string target;
  bool in_place = false;
};

struct RestorePlan {
  std::uint64_t creates = 0;
  std::uint64_t overwrites = 0;
  std::uint64_t deletes = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> create_sample;  // at most 20 paths each
  std::vector<std::string> overwrite_sample;
};

struct RestoreDone {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> problems;
};

// The outcome of reading back, restoring or comparing.
struct Verdict {
  bool good = false;
  std::uint64_t checked = 0;  // files, or packs for a read-back
  std::uint64_t bytes = 0;
  std::uint64_t different = 0;  // wrong, missing or extra
  std::uint64_t changed_since = 0;
  std::vector<std::string> sample;  // of what is wrong or has changed, at most 20
  std::string detail;               // one sentence
};

Json to_json(const RepositoryRef& value);
Json to_json(const VolumeRef& value);
Json to_json(const SnapshotTaken& value);
Json to_json(const BackupRequest& value);
Json to_json(const BackupDone& value);
Json to_json(const CopyRequest& value);
Json to_json(const RestoreRequest& value);
Json to_json(const RestorePlan& value);
Json to_json(const RestoreDone& value);
Json to_json(const Verdict& value);

template <class T>
T from_json(const Json& value);
template <>
RepositoryRef from_json(const Json& value);
template <>
VolumeRef from_json(const Json& value);
template <>
SnapshotTaken from_json(const Json& value);
template <>
BackupRequest from_json(const Json& value);
template <>
BackupDone from_json(const Json& value);
template <>
CopyRequest from_json(const Json& value);
template <>
RestoreRequest from_json(const Json& value);
template <>
RestorePlan from_json(const Json& value);
template <>
RestoreDone from_json(const Json& value);
template <>
Verdict from_json(const Json& value);

}  // namespace holdfast::activities

// What data activities take and answer: plain values (codec.h), usable from workflow code.
//
// References only (paths, ids, counts, short samples): a payload stays far below 64 KiB whatever
// the size of the data. Decoding a value that this code encoded never fails; a field that is
// missing has its default.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "domain/activities/codec.h"

namespace holdfast::activities {

// Where a repository is and what opens it.
struct RepositoryRef {
  std::string name;
  std::string location;
  std::string password_file;
  static void fields(auto& v, auto&& visit) {
    visit("name", v.name);
    visit("location", v.location);
    visit("password_file", v.password_file);
  }
};

// What the storage driver protects and what it promises.
struct VolumeRef {
  std::string driver;  // directory, btrfs, ontap
  std::string path;
  std::string agent;  // whose host has it; empty: the server's own
  static void fields(auto& v, auto&& visit) {
    visit("driver", v.driver);
    visit("path", v.path);
    visit("agent", v.agent);
  }
};

struct SnapshotTaken {
  std::string name;             // of the storage snapshot; empty: the driver has none
  std::string read_path;        // where the engine reads
  std::uint64_t device_id = 0;  // stable over snapshots of the same volume; 0: the files' own
  std::string consistency;      // none, crash, application
  UtcTime time;
  std::vector<std::string> excludes;  // relative to read_path: the driver's own files
  static void fields(auto& v, auto&& visit) {
    visit("excludes", v.excludes);
    visit("name", v.name);
    visit("read_path", v.read_path);
    visit("device_id", v.device_id);
    visit("consistency", v.consistency);
    visit("time", v.time);
  }
};

struct BackupRequest {
  RepositoryRef repository;
  std::string read_path;
  std::string live_path;
  std::uint64_t device_id = 0;
  std::string parent_snapshot;  // empty: none known
  std::vector<std::string> tags;
  std::string host;
  UtcTime time;
  std::vector<std::string> excludes;
  static void fields(auto& v, auto&& visit) {
    visit("excludes", v.excludes);
    visit("repository", v.repository);
    visit("read_path", v.read_path);
    visit("live_path", v.live_path);
    visit("device_id", v.device_id);
    visit("parent_snapshot", v.parent_snapshot);
    visit("tags", v.tags);
    visit("host", v.host);
    visit("time", v.time);
  }
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
  static void fields(auto& v, auto&& visit) {
    visit("snapshot_id", v.snapshot_id);
    visit("files", v.files);
    visit("files_new", v.files_new);
    visit("files_changed", v.files_changed);
    visit("bytes", v.bytes);
    visit("added_bytes", v.added_bytes);
    visit("partial", v.partial);
    visit("problems", v.problems);
    visit("problem_count", v.problem_count);
  }
};

struct CopyRequest {
  RepositoryRef from;
  RepositoryRef to;
  std::string snapshot_id;
  static void fields(auto& v, auto&& visit) {
    visit("from", v.from);
    visit("to", v.to);
    visit("snapshot_id", v.snapshot_id);
  }
};

struct RestoreRequest {
  RepositoryRef repository;  // method restic
  std::string snapshot_id;
  std::string snapshot_path;       // of a storage snapshot: where it can be read
  UtcTime point_time{};            // of such a snapshot, by its system's clock; the epoch: unknown
  std::string mirror;              // of a copy that must be fetched first: where it is
  VolumeRef volume;                // of such a copy and of a storage snapshot: the original
  std::string source_path;         // the live path whose tree the snapshot holds
  std::vector<std::string> paths;  // relative to the source path; empty: everything
  std::string target;
  bool in_place = false;
  bool verify = true;  // read every restored file again
  // By which the storage system brings it back itself (Means); empty: files are copied.
  std::string means{};
  std::vector<std::string> excludes{};  // the driver's own files at the top of the target
  static void fields(auto& v, auto&& visit) {
    visit("means", v.means);
    visit("excludes", v.excludes);
    visit("repository", v.repository);
    visit("snapshot_id", v.snapshot_id);
    visit("snapshot_path", v.snapshot_path);
    visit("point_time", v.point_time);
    visit("mirror", v.mirror);
    visit("volume", v.volume);
    visit("source_path", v.source_path);
    visit("paths", v.paths);
    visit("target", v.target);
    visit("in_place", v.in_place);
    visit("verify", v.verify);
  }
};

// How a recovery from a storage snapshot is done, and what that would cost beside the files.
struct Means {
  // snapshot_restore (the whole volume goes back), file_restore, clone, replica_restore (from a
  // copy on another system), files_copied
  std::string means = "files_copied";
  std::string why;                // one sentence; empty: there is no other means
  std::uint64_t loses = 0;        // newer snapshots that the means throws away
  std::vector<std::string> lost;  // their names
  std::vector<std::string> excludes;
  static void fields(auto& v, auto&& visit) {
    visit("means", v.means);
    visit("why", v.why);
    visit("loses", v.loses);
    visit("lost", v.lost);
    visit("excludes", v.excludes);
  }
};

struct RestorePlan {
  std::uint64_t creates = 0;
  std::uint64_t overwrites = 0;
  std::uint64_t deletes = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> create_sample;  // at most 20 paths each
  std::vector<std::string> overwrite_sample;
  std::vector<std::string> delete_sample;
  static void fields(auto& v, auto&& visit) {
    visit("delete_sample", v.delete_sample);
    visit("creates", v.creates);
    visit("overwrites", v.overwrites);
    visit("deletes", v.deletes);
    visit("bytes", v.bytes);
    visit("create_sample", v.create_sample);
    visit("overwrite_sample", v.overwrite_sample);
  }
};

struct RestoreDone {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::vector<std::string> problems;
  static void fields(auto& v, auto&& visit) {
    visit("files", v.files);
    visit("bytes", v.bytes);
    visit("problems", v.problems);
  }
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
  static void fields(auto& v, auto&& visit) {
    visit("good", v.good);
    visit("checked", v.checked);
    visit("bytes", v.bytes);
    visit("different", v.different);
    visit("changed_since", v.changed_since);
    visit("sample", v.sample);
    visit("detail", v.detail);
  }
};

}  // namespace holdfast::activities

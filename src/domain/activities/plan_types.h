// The plans that a workflow gets when it begins, and the steps it shows: plain values (codec.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "domain/activities/codec.h"
#include "domain/activities/data_types.h"

namespace holdfast::activities {

// One thing that a run did or did not do, as people see it.
struct Step {
  std::string phase;
  std::string name;
  std::string status;  // pending, running, done, failed, skipped, not_applicable
  std::string detail;
  UtcTime started_at;
  UtcTime ended_at;

  static void fields(auto& v, auto&& visit) {
    visit("phase", v.phase);
    visit("name", v.name);
    visit("status", v.status);
    visit("detail", v.detail);
    visit("started_at", v.started_at);
    visit("ended_at", v.ended_at);
  }
};

// A copy that the policy promises, resolved to what makes it.
struct PlannedCopy {
  std::string level;
  std::string method;  // restic, btrfs_snapshot, ontap_snapshot, snapmirror, snapmirror_cloud
  RepositoryRef repository;
  std::string parent_snapshot;  // of the resource's newest copy there
  std::string destination{};    // of snapmirror; empty: the volume's only one of the level
  std::string mirror_policy{};  // of a relationship that is made; empty: our own
  std::int64_t lock_seconds = 0;
  std::string transfer_schedule{};  // of a relationship that is made; empty: only when asked for

  static void fields(auto& v, auto&& visit) {
    visit("destination", v.destination);
    visit("transfer_schedule", v.transfer_schedule);
    visit("mirror_policy", v.mirror_policy);
    visit("lock_seconds", v.lock_seconds);
    visit("level", v.level);
    visit("method", v.method);
    visit("repository", v.repository);
    visit("parent_snapshot", v.parent_snapshot);
  }
};

struct PlannedLabel {
  std::string label;
  std::string retention;

  static void fields(auto& v, auto&& visit) {
    visit("label", v.label);
    visit("retention", v.retention);
  }
};

// Everything a backup run needs, frozen when it begins.
struct BackupPlan {
  std::string run_id;
  std::string point_id;
  std::string resource_id;
  std::string resource_name;
  VolumeRef volume;
  std::string host;
  std::string policy;
  bool manual = false;
  std::vector<PlannedLabel> labels;
  std::string timezone;
  std::vector<PlannedCopy> copies;
  std::string consistency_group;
  std::string quiesce_command;
  std::string release_command;
  std::vector<std::string> channels;
  bool check_space = true;
  bool verify_connectivity = true;
  bool validate_snapmirror = true;
  bool use_consistency_group = true;
  bool application_quiesce = true;
  bool verify_integrity = true;
  bool update_catalog = true;
  bool send_notifications = true;
  // What the other members of the resource's group need, from the same snapshot; each with a point
  // and copies of its own.
  std::vector<BackupPlan> members{};

  static void fields(auto& v, auto&& visit) {
    visit("members", v.members);
    visit("run_id", v.run_id);
    visit("point_id", v.point_id);
    visit("resource_id", v.resource_id);
    visit("resource_name", v.resource_name);
    visit("volume", v.volume);
    visit("host", v.host);
    visit("policy", v.policy);
    visit("manual", v.manual);
    visit("labels", v.labels);
    visit("timezone", v.timezone);
    visit("copies", v.copies);
    visit("consistency_group", v.consistency_group);
    visit("quiesce_command", v.quiesce_command);
    visit("release_command", v.release_command);
    visit("channels", v.channels);
    visit("check_space", v.check_space);
    visit("verify_connectivity", v.verify_connectivity);
    visit("validate_snapmirror", v.validate_snapmirror);
    visit("use_consistency_group", v.use_consistency_group);
    visit("application_quiesce", v.application_quiesce);
    visit("verify_integrity", v.verify_integrity);
    visit("update_catalog", v.update_catalog);
    visit("send_notifications", v.send_notifications);
  }
};

// A copy that a backup made, on its way into the catalog.
struct MadeCopy {
  std::string level;
  std::string method;
  std::string repository;
  std::string location;
  std::string snapshot_id;
  std::uint64_t added_bytes = 0;
  bool read_back = false;  // L1 passed
  std::string read_back_detail;

  static void fields(auto& v, auto&& visit) {
    visit("level", v.level);
    visit("method", v.method);
    visit("repository", v.repository);
    visit("location", v.location);
    visit("snapshot_id", v.snapshot_id);
    visit("added_bytes", v.added_bytes);
    visit("read_back", v.read_back);
    visit("read_back_detail", v.read_back_detail);
  }
};

// What update_catalog writes.
struct PointRecord {
  BackupPlan plan;
  UtcTime time;
  std::string consistency;
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  bool partial = false;
  std::vector<MadeCopy> copies;

  static void fields(auto& v, auto&& visit) {
    visit("plan", v.plan);
    visit("time", v.time);
    visit("consistency", v.consistency);
    visit("files", v.files);
    visit("bytes", v.bytes);
    visit("partial", v.partial);
    visit("copies", v.copies);
  }
};

}  // namespace holdfast::activities

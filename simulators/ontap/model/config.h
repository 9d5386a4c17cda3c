// What the simulator is asked to be: which clusters, with which volumes, how slow, how strict.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::ontap_sim {

struct VolumeConfig {
  std::string name;
  std::int64_t size = std::int64_t{1} << 30;  // bytes
  std::string junction;                       // empty: "/" + name
};

struct SvmConfig {
  std::string name;
  std::vector<VolumeConfig> volumes;
};

struct ClusterConfig {
  std::string name;
  std::uint16_t port = 0;  // 0: the one of the last start, else any
  std::int64_t generation = 9;
  std::int64_t major = 16;
  std::int64_t minor = 1;
  int nodes = 2;
  int aggregates = 2;
  std::int64_t aggregate_size = std::int64_t{1} << 40;  // bytes
  std::vector<SvmConfig> svms;
};

// What a role may do below a path; the longest path that holds a call decides.
struct PrivilegeConfig {
  std::string path;    // /api/storage/volumes; a part may be *
  std::string access;  // none, readonly, read_create, read_modify, read_create_modify, all
};

// Beside the administrator: of every cluster and of the Unified Manager.
struct UserConfig {
  std::string name;
  std::string password;
  bool writes = false;  // else only GET; a write is 403 with code 6
  // Of the clusters' own API; none: as `writes` says. A path without a row is not allowed.
  std::vector<PrivilegeConfig> privileges{};
};

// The client that the authorization server beside the clusters gives tokens to.
struct OAuthConfig {
  std::string client_id = "holdfast";
  std::string client_secret;  // empty: made at the first start
};

struct Config {
  std::vector<ClusterConfig> clusters;
  bool peered = true;  // all clusters and SVMs with one another
  std::string user = "admin";
  std::string password;  // empty: made at the first start
  std::vector<UserConfig> users;
  bool gateway = true;                                         // of the Unified Manager
  Nanoseconds job_time = std::chrono::milliseconds(150);       // what a job takes at least
  Nanoseconds transfer_time = std::chrono::milliseconds(300);  // what a transfer takes at least
  std::int64_t transfer_bytes_per_second = 0;                  // 0: as fast as it goes
  Nanoseconds dead_peer_time = std::chrono::seconds(3);  // a call that consults a dead peer hangs
  bool scheduler = true;                 // snapshot policies and transfer schedules run
  Nanoseconds um_poll = Nanoseconds(0);  // how old the Unified Manager's inventory gets
  Nanoseconds sync_time = std::chrono::milliseconds(250);  // how soon a sync mirror has a write
  OAuthConfig oauth2;
  std::int64_t default_page = 10'000;  // records
  bool next_on_last_page = false;
  bool data_port = false;         // writers come through the data port, so that it can fence them
  std::int64_t max_requests = 0;  // at once and per cluster, beyond that 429; 0: no limit
};

// Two peered clusters, each with an SVM and two volumes.
Config default_config();
// A YAML or JSON document; kInvalidArgument names the field that is wrong.
Result<Config> parse_config(const std::string& text);

}  // namespace holdfast::ontap_sim

// The configuration document, YAML or JSON:
//
//   user: admin
//   password: secret            # else made at the first start
//   users:                      # more of them; role admin or readonly
//     - {name: reader, password: word, role: readonly}
//     - name: narrow            # on the clusters, by path: the longest that holds a call decides
//       password: word
//       privileges: [{path: /api, access: readonly}, {path: /api/snapmirror, access: none}]
//   oauth2: {client_id: holdfast, client_secret: secret}   # else made at the first start
//   gateway: true               # of the Unified Manager
//   peered: true
//   data_port: false            # writers come through the files API, so that fences hold
//   scheduler: true             # snapshot policies and transfer schedules run
//   job_time: 150ms             # what a job, a transfer and a call to a dead peer take
//   transfer_time: 300ms
//   dead_peer_time: 3s
//   transfer_bytes_per_second: 0
//   um_poll: 0s                 # how old the Unified Manager's inventory gets; of a real one 15m
//   sync_time: 250ms            # how soon a synchronous mirror has what was written
//   page: 10000                 # records, where max_records is not given
//   next_on_last_page: false
//   max_requests: 0             # at once and per cluster; more get 429
//   clusters:
//     - name: cluster1
//       port: 8443              # else any
//       version: 9.16.1
//       nodes: 2
//       aggregates: 2
//       aggregate_size: 1TiB
//       svms:
//         - name: svm1
//           volumes:
//             - {name: data1, size: 10GiB, junction: /data1}
#include "simulators/ontap/model/config.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdio>

#include "core/base/json.h"
#include "core/base/units.h"
#include "core/base/yaml.h"

namespace holdfast::ontap_sim {
namespace {

Nanoseconds duration(ObjectReader& reader, std::string_view key, Nanoseconds fallback) {
  const auto text = reader.optional_string(key);
  if (!text) {
    return fallback;
  }
  std::int64_t count = 0;
  if (std::sscanf(text->c_str(), "%ldms", &count) == 1 && text->ends_with("ms")) {
    return std::chrono::milliseconds(count);
  }
  const auto parsed = parse_duration(*text);
  if (!parsed) {
    reader.problem(key, parsed.error().message());
  }
  return parsed ? *parsed : fallback;
}

std::int64_t size(ObjectReader& reader, std::string_view key, std::int64_t fallback) {
  const auto text = reader.optional_string(key);
  if (!text) {
    return fallback;
  }
  const auto parsed = parse_bytes(*text);
  if (!parsed) {
    reader.problem(key, parsed.error().message());
  }
  return parsed ? static_cast<std::int64_t>(*parsed) : fallback;
}

template <class T, class Read>
std::vector<T> list(ObjectReader& reader, std::string_view key, std::vector<Problem>& problems,
                    Read read) {
  std::vector<T> out;
  const Json* value = reader.value(key);
  if (value == nullptr) {
    return out;
  }
  if (!value->is_array()) {
    reader.problem(key, "must be a list");
    return out;
  }
  for (size_t i = 0; i < value->as_array().size(); ++i) {
    ObjectReader one(value->as_array()[i], reader.pointer_to(key) + "/" + std::to_string(i),
                     problems);
    out.push_back(read(one));
    one.reject_unknown();
  }
  return out;
}

VolumeConfig read_volume(ObjectReader& reader) {
  VolumeConfig out;
  out.name = reader.string("name");
  out.size = size(reader, "size", std::int64_t{10} << 30);
  out.junction = reader.string_or("junction", "");
  return out;
}

void read_version(ObjectReader& reader, ClusterConfig& out) {
  const auto text = reader.optional_string("version");
  if (text &&
      std::sscanf(text->c_str(), "%ld.%ld.%ld", &out.generation, &out.major, &out.minor) != 3) {
    reader.problem("version", "is written like 9.16.1");
  }
}

UserConfig read_user(ObjectReader& reader, std::vector<Problem>& problems) {
  UserConfig out;
  out.name = reader.string("name");
  out.password = reader.string("password");
  const std::string role = reader.string_or("role", "readonly");
  if (role != "admin" && role != "readonly") {
    reader.problem("role", "is admin or readonly");
  }
  out.writes = role == "admin";
  out.privileges =
      list<PrivilegeConfig>(reader, "privileges", problems, [](ObjectReader& privilege) {
        PrivilegeConfig one{privilege.string("path"), privilege.string_or("access", "readonly")};
        constexpr std::array<std::string_view, 6> kAccess{
            "none", "readonly", "read_create", "read_modify", "read_create_modify", "all"};
        if (std::ranges::find(kAccess, one.access) == kAccess.end()) {
          privilege.problem("access",
                            "is none, readonly, read_create, read_modify, read_create_modify or "
                            "all");
        }
        if (!one.path.starts_with("/api")) {
          privilege.problem("path", "begins with /api");
        }
        return one;
      });
  return out;
}

ClusterConfig read_cluster(ObjectReader& reader, std::vector<Problem>& problems) {
  ClusterConfig out;
  out.name = reader.string("name");
  out.port = static_cast<std::uint16_t>(reader.integer_or("port", 0));
  read_version(reader, out);
  out.nodes = static_cast<int>(reader.integer_or("nodes", out.nodes));
  out.aggregates = static_cast<int>(reader.integer_or("aggregates", out.aggregates));
  out.aggregate_size = size(reader, "aggregate_size", out.aggregate_size);
  if (out.nodes < 1 || out.aggregates < 1 || out.name.find('/') != std::string::npos ||
      out.name == "um") {
    reader.problem(
        "name",
        "a cluster has a name without /, other than um, and at least one node and one aggregate");
  }
  out.svms = list<SvmConfig>(reader, "svms", problems, [&](ObjectReader& svm) {
    SvmConfig one;
    one.name = svm.string("name");
    one.volumes = list<VolumeConfig>(svm, "volumes", problems, &read_volume);
    return one;
  });
  return out;
}

}  // namespace

Config default_config() {
  Config config;
  constexpr std::int64_t kSize = std::int64_t{10} << 30;
  for (const auto& [cluster, svm, first, second] :
       {std::array{"cluster1", "svm1", "data1", "data2"},
        {"cluster2", "svm2", "archive1", "archive2"}}) {
    ClusterConfig one;
    one.name = cluster;
    one.svms.push_back({svm, {{first, kSize, ""}, {second, kSize, ""}}});
    config.clusters.push_back(std::move(one));
  }
  return config;
}

Result<Config> parse_config(const std::string& text) {
  HF_TRY(const auto documents, parse_yaml(text));
  if (documents.size() != 1) {
    return Error(Code::kInvalidArgument, "the configuration is one YAML or JSON document");
  }
  std::vector<Problem> problems;
  ObjectReader reader(documents.front().value, "", problems);
  Config out = default_config();
  out.user = reader.string_or("user", out.user);
  out.password = reader.string_or("password", "");
  out.users = list<UserConfig>(reader, "users", problems,
                               [&](ObjectReader& one) { return read_user(one, problems); });
  if (const Json* oauth2 = reader.value("oauth2")) {
    ObjectReader one(*oauth2, "/oauth2", problems);
    out.oauth2.client_id = one.string_or("client_id", out.oauth2.client_id);
    out.oauth2.client_secret = one.string_or("client_secret", "");
    one.reject_unknown();
  }
  out.gateway = reader.boolean_or("gateway", out.gateway);
  out.peered = reader.boolean_or("peered", out.peered);
  out.data_port = reader.boolean_or("data_port", out.data_port);
  out.scheduler = reader.boolean_or("scheduler", out.scheduler);
  out.job_time = duration(reader, "job_time", out.job_time);
  out.transfer_time = duration(reader, "transfer_time", out.transfer_time);
  out.um_poll = duration(reader, "um_poll", out.um_poll);
  out.sync_time = duration(reader, "sync_time", out.sync_time);
  out.dead_peer_time = duration(reader, "dead_peer_time", out.dead_peer_time);
  out.transfer_bytes_per_second = reader.integer_or("transfer_bytes_per_second", 0);
  out.default_page = reader.integer_or("page", out.default_page);
  out.next_on_last_page = reader.boolean_or("next_on_last_page", out.next_on_last_page);
  out.max_requests = reader.integer_or("max_requests", 0);
  auto clusters = list<ClusterConfig>(
      reader, "clusters", problems, [&](ObjectReader& one) { return read_cluster(one, problems); });
  if (!clusters.empty()) {
    out.clusters = std::move(clusters);
  }
  reader.reject_unknown();
  if (!problems.empty()) {
    return to_error(problems);
  }
  return out;
}

}  // namespace holdfast::ontap_sim

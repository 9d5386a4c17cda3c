#include "simulators/ontap/ctl/control.h"

#include <fmt/core.h>

#include <filesystem>

#include "simulators/ontap/model/ems.h"
#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/rest/schema.h"
#include "simulators/ontap/server/token.h"
#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kKinds =
    "slow|throttle|error|cut|down|job_failure|slow_job|stuck_job|transfer_failure|split_failure|"
    "stale_lag|next_loop|partial_list|unauthorized";

std::int64_t objects_in(const std::string& folder) {
  std::int64_t count = 0;
  std::error_code failure;
  for (std::filesystem::recursive_directory_iterator at(folder, failure), end;
       !failure && at != end; at.increment(failure)) {
    count += at->is_regular_file(failure) ? 1 : 0;
  }
  return count;
}

JsonObject count_cluster(const Cluster& cluster) {
  std::int64_t clones = 0;
  for (const std::string_view kind : {kind::kVolume, kQueuedVolume}) {
    for (const auto& [id, row] : cluster.rows(kind)) {
      clones += flag_at(row, "clone.is_flexclone") ? 1 : 0;
    }
  }
  std::int64_t own = 0;
  std::int64_t held = 0;
  for (const auto& [id, row] : cluster.rows(kind::kSnapshot)) {
    own += text_at(row, "name").starts_with("snapmirror.") ? 1 : 0;
    held += texts_at(row, "owners").empty() ? 0 : 1;
  }
  std::int64_t open = 0;
  for (const auto& [id, row] : cluster.rows(kind::kJob)) {
    open += is_terminal(text_at(row, "state")) ? 0 : 1;
  }
  const auto size = [&](std::string_view kind) {
    return static_cast<std::int64_t>(cluster.rows(kind).size());
  };
  return {{"volumes", size(kind::kVolume)},
          {"clones", clones},
          {"queued_volumes", size(kQueuedVolume)},
          {"snapshots", size(kind::kSnapshot)},
          {"snapmirror_snapshots", own},
          {"owned_snapshots", held},
          {"consistency_groups", size(kind::kGroup)},
          {"consistency_group_snapshots", size(kind::kGroupSnapshot)},
          {"relationships", size(kind::kRelationship)},
          {"destinations", size(kDestination)},
          {"transfers", size(kind::kTransfer)},
          {"open_jobs", open},
          {"objects", objects_in(cluster.folder + "/.objects")}};
}

JsonObject count(World& world, const CallLog& log) {
  JsonObject clusters;
  JsonObject sum;
  Locked lock(world);
  for (const auto& cluster : world.clusters()) {
    const JsonObject one = count_cluster(*cluster);
    for (const auto& [key, value] : one) {
      sum[key] = int_at(sum, key) + value.as_int64();
    }
    clusters[cluster->name] = one;
  }
  return {{"clusters", std::move(clusters)}, {"total", std::move(sum)}, {"calls", log.count()}};
}

Outcome<JsonObject> faults(World& world, const ControlHooks& hooks, const net::HttpRequest& http,
                           const JsonObject& body, const std::string& id) {
  if (http.method == "POST") {
    HF_TRY(FaultRule rule, parse_fault(body));
    const bool down = rule.kind == "down";
    const std::string name = rule.cluster;
    const std::int64_t number = world.faults().add(std::move(rule));
    if (down) {
      hooks.set_reachable(name, false);
    }
    return JsonObject{{"id", number}};
  }
  if (http.method == "DELETE") {
    for (const FaultRule& rule : world.faults().list()) {
      if (rule.kind == "down" && (id.empty() || std::to_string(rule.id) == id)) {
        hooks.set_reachable(rule.cluster, true);
      }
    }
    if (id.empty()) {
      world.faults().clear();
    } else if (!world.faults().remove(std::strtoll(id.c_str(), nullptr, 10))) {
      return not_found("id");
    }
    return JsonObject();
  }
  JsonArray list;
  for (const FaultRule& rule : world.faults().list()) {
    list.emplace_back(to_json(rule));
  }
  return JsonObject{{"faults", std::move(list)}};
}

// Somebody encrypts the files of a volume: what the array makes of it.
Outcome<JsonObject> attack(World& world, const JsonObject& body) {
  Locked lock(world);
  Cluster* cluster = world.cluster_by_name(text_at(body, "cluster"));
  const JsonObject* found =
      cluster ? volume_by_name(*cluster, text_at(body, "svm"), text_at(body, "volume")) : nullptr;
  if (found == nullptr) {
    return not_found("volume");
  }
  const std::string probability = text_at(body, "probability", "high");
  if (!is_one_of(probability, "none|low|moderate|high")) {
    return bad(262197, "probability takes none, low, moderate or high.", "probability");
  }
  const JsonObject volume = *found;
  JsonObject* row = cluster->edit(kind::kVolume, text_at(volume, "uuid"));
  set(*row, "anti_ransomware.attack_probability", Json(probability));
  if (probability == "none") {
    drop(*row, "anti_ransomware.attack_reports");
    drop(*row, "anti_ransomware.suspect_files");
    return JsonObject();
  }
  set(*row, "anti_ransomware.attack_reports", JsonArray{JsonObject{{"time", world.now_text()}}});
  set(*row, "anti_ransomware.attack_detected_by", Json("encryption_percentage_analysis"));
  set(*row, "anti_ransomware.suspect_files",
      JsonArray{JsonObject{{"format", "locked"}, {"entropy", "high"}, {"count", 42}}});
  add_ems(world, *cluster,
          {"callhome.arw.activity.seen",
           "alert",
           fmt::format("Possible ransomware activity in volume {}.", text_at(volume, "name")),
           {{"volName", text_at(volume, "name")},
            {"volUuid", text_at(volume, "uuid")},
            {"vserverName", text_at(volume, "svm.name")},
            {"vserverUuid", text_at(volume, "svm.uuid")}}});
  NewSnapshot wanted{.name = "Anti_ransomware_backup." + world.now_text().substr(0, 19)};
  std::erase(wanted.name, ':');
  const std::string uuid = text_at(volume, "uuid");
  const std::string id = reserve_snapshot(world, *cluster, volume, std::move(wanted));
  world.later(Nanoseconds(0), [&world, cluster, uuid, id] {
    if (const Done made = fill_snapshot(world, *cluster, uuid, id); !made) {
      Locked undo(world);
      cluster->remove(kind::kSnapshot, below_id(uuid, id));
    }
  });
  return JsonObject();
}

Outcome<JsonObject> change(World& world, const ControlHooks& hooks, const std::string& what,
                           const JsonObject& body) {
  if (what == "certificate") {
    hooks.change_certificates();
    return JsonObject();
  }
  if (what == "attack") {
    return attack(world, body);
  }
  Locked lock(world);
  if (what == "poll") {
    world.polled().reset();
    return JsonObject();
  }
  if (what == "gateway") {
    world.set_note("um.gateway", flag_at(body, "on") ? "on" : "off");
    return JsonObject();
  }
  if (what == "password") {
    const std::string name = text_at(body, "cluster");
    const std::string password = text_at(body, "password");
    Cluster* cluster = world.cluster_by_name(name);
    if ((cluster == nullptr && name != "um") || password.empty()) {
      return not_found("cluster");
    }
    if (cluster == nullptr) {
      world.set_note("um.password", password);
    } else {
      cluster->password = password;
      set(*cluster->edit(kind::kCluster, "self"), "_sim.password", Json(password));
    }
    hooks.endpoints_changed();
    return JsonObject();
  }
  return not_found("path");
}

}  // namespace

JsonObject to_json(const FaultRule& rule) {
  JsonObject out{{"id", rule.id},         {"kind", rule.kind},  {"cluster", rule.cluster},
                 {"method", rule.method}, {"path", rule.path},  {"route", rule.route},
                 {"skip", rule.skip},     {"times", rule.times}};
  for (const auto& [key, value] : rule.values) {
    out[key] = value;
  }
  return out;
}

Outcome<FaultRule> parse_fault(const JsonObject& body) {
  FaultRule rule;
  rule.kind = text_at(body, "kind");
  if (!is_one_of(rule.kind, kKinds)) {
    return bad(262197, fmt::format("\"{}\" is no kind of fault: there are {}.", rule.kind, kKinds),
               "kind");
  }
  rule.cluster = text_at(body, "cluster");
  rule.method = text_at(body, "method");
  rule.path = text_at(body, "path");
  rule.route = text_at(body, "route");
  rule.skip = int_at(body, "skip");
  rule.times = int_at(body, "times", -1);
  for (const auto& [key, value] : body) {
    if (!is_one_of(key, "kind|cluster|method|path|route|skip|times|id")) {
      rule.values[key] = value;
    }
  }
  if (rule.kind == "down" && rule.cluster.empty()) {
    return bad(262212, "A fault of kind down names its cluster.", "cluster");
  }
  return rule;
}

Outcome<JsonObject> control(World& world, const CallLog& log, const ControlHooks& hooks,
                            const net::HttpRequest& http,
                            const std::vector<std::string>& segments) {
  JsonObject body;
  if (!http.body.empty()) {
    const auto parsed = parse_json(http.body);
    if (!parsed || !parsed->is_object()) {
      return bad(262199, "The body is not a JSON object.");
    }
    body = parsed->as_object();
  }
  const std::string what = segments.empty() ? "" : segments.front();
  if (what == "faults") {
    return faults(world, hooks, http, body, segments.size() > 1 ? segments[1] : "");
  }
  if (http.method == "POST") {
    return change(world, hooks, what, body);
  }
  if (what == "count") {
    return count(world, log);
  }
  if (what == "log") {
    const auto lines = log.since(std::strtoll(http.query_or("since", "0").c_str(), nullptr, 10));
    return JsonObject{{"calls", JsonArray(lines.begin(), lines.end())}};
  }
  if (what == "token") {
    Locked lock(world);
    return JsonObject{{"token", issue_token(world, http.query_or("scope", "ontap:*::*:*:*"))}};
  }
  return not_found("path");
}

}  // namespace holdfast::ontap_sim

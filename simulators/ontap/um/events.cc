#include "simulators/ontap/um/events.h"

#include <fmt/core.h>

#include <set>

#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/um/manager.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kUmEvent = "event";
constexpr std::int64_t kNearlyFull = 80;  // percent
constexpr std::int64_t kFull = 90;

// What is wrong somewhere, by a key that stays the same while it is.
struct Finding {
  std::string name;
  std::string severity;
  std::string area;
  std::string level;
  std::string type;  // of the resource
  std::string resource_name;
  std::string resource_uuid;
  std::string cause;
  std::string group = "none";
  JsonObject svm = {};
};

std::string condition_of(const Cluster& cluster, const Finding& finding) {
  return cluster.name + "/" + finding.type + "/" + finding.resource_uuid + "/" + finding.name;
}

void look_at_volume(const Cluster& cluster, const JsonObject& stored, std::vector<Finding>& out) {
  JsonObject volume = stored;
  const std::string name = text_at(volume, "svm.name") + ":/" + text_at(volume, "name");
  const std::string uuid = text_at(volume, "uuid");
  const JsonObject svm = um_reference(cluster, "vserver", "/datacenter/svm/svms",
                                      text_at(volume, "svm.uuid"), text_at(volume, "svm.name"));
  const auto add = [&](const char* what, const char* severity, const char* area, const char* level,
                       std::string cause, const char* group) {
    out.push_back(
        {what, severity, area, level, "volume", name, uuid, std::move(cause), group, svm});
  };
  if (text_at(volume, "state") == "offline") {
    add("Volume Offline", "critical", "availability", "incident", "The volume is offline.", "none");
    return;
  }
  add_space(cluster, volume);
  const std::int64_t used = int_at(volume, "space.percent_used");
  if (used >= kNearlyFull) {
    add(used >= kFull ? "Volume Space Full" : "Volume Space Nearly Full",
        used >= kFull ? "error" : "warning", "capacity", "risk",
        fmt::format("The volume is {}% full.", used), "storage_capacity");
  }
  const std::string attack = text_at(volume, "anti_ransomware.attack_probability", "none");
  if (attack == "moderate" || attack == "high") {
    add("Possible Ransomware Activity Detected", attack == "high" ? "critical" : "error",
        "security", "incident", fmt::format("The probability of an attack is {}.", attack),
        "security");
  }
}

void look_at_relationships(const Cluster& cluster, std::vector<Finding>& out) {
  for (const auto& [uuid, row] : cluster.rows(kind::kRelationship)) {
    if (!flag_at(row, "healthy", true)) {
      const auto reasons = objects_at(row, "unhealthy_reason");
      out.push_back({"Asynchronous Mirror Unhealthy",
                     "warning",
                     "protection",
                     "risk",
                     "snap_mirror",
                     text_at(row, "source.path") + " -> " + text_at(row, "destination.path"),
                     uuid,
                     reasons.empty() ? "The relationship is not healthy."
                                     : text_at(reasons.front(), "message"),
                     "none",
                     {}});
    }
  }
}

std::vector<Finding> look_at(World& world, const Cluster& cluster) {
  std::vector<Finding> out;
  if (world.faults().peek("down", cluster.name)) {
    out.push_back({"Cluster Not Reachable",
                   "error",
                   "availability",
                   "risk",
                   "cluster",
                   cluster.name,
                   cluster.uuid,
                   "The cluster does not answer.",
                   "none",
                   {}});
    return out;
  }
  for (const auto& [id, volume] : cluster.rows(kind::kVolume)) {
    if (!is_pending(volume)) {
      look_at_volume(cluster, volume, out);
    }
  }
  for (const auto& [id, node] : cluster.rows(kind::kNode)) {
    if (text_at(node, "state") != "up") {
      out.push_back({"Node Down",
                     "critical",
                     "availability",
                     "incident",
                     "cluster_node",
                     text_at(node, "name"),
                     id,
                     "The node is down.",
                     "none",
                     {}});
    }
  }
  for (const auto& [id, aggregate] : cluster.rows(kind::kAggregate)) {
    const std::int64_t size = aggregate_size(aggregate);
    const std::int64_t used = size > 0 ? aggregate_used(cluster, id) * 100 / size : 0;
    if (used >= kFull) {
      out.push_back({"Aggregate Space Full",
                     "error",
                     "capacity",
                     "risk",
                     "aggregate",
                     text_at(aggregate, "name"),
                     id,
                     fmt::format("The aggregate is {}% full.", used),
                     "storage_capacity",
                     {}});
    }
  }
  look_at_relationships(cluster, out);
  return out;
}

JsonObject history_entry(World& world, const std::string& state, const std::string& user) {
  return {{"state", state}, {"timestamp", world.now_text()}, {"user", user}};
}

void raise(World& world, const Cluster& cluster, const Finding& finding) {
  const std::string key = world.new_uuid();
  JsonObject event{
      {"key", key},
      {"name", finding.name},
      {"severity", finding.severity},
      {"current_state", "new"},
      {"cause", finding.cause},
      {"annotation", ""},
      {"group", finding.group},
      {"origin", "ontap-sim"},
      {"duration", "PT0S"},
      {"cluster", um_reference(cluster, "cluster", "/datacenter/cluster/clusters", cluster.uuid,
                               cluster.name)},
      {"impact",
       {{"area", finding.area},
        {"level", finding.level},
        {"resource_type", finding.type},
        {"resource_name", finding.resource_name},
        {"resource_uuid", finding.resource_uuid}}},
      {"history", JsonArray{history_entry(world, "new", "")}},
      {"_sim", {{"condition", condition_of(cluster, finding)}, {"since", world.now_text()}}}};
  if (!finding.svm.empty()) {
    event["svm"] = finding.svm;
  }
  world.manager().add(kUmEvent, key, std::move(event));
}

bool is_open(const JsonObject& event) {
  const std::string state = text_at(event, "current_state");
  return state == "new" || state == "acknowledged";
}

void move_to(World& world, JsonObject& event, const std::string& state, const std::string& user) {
  event["current_state"] = state;
  event["history"].as_array().emplace_back(history_entry(world, state, user));
}

JsonObject shown(World& world, const JsonObject& stored) {
  JsonObject event = stored;
  const auto since = parse_time(text_at(event, "_sim.since"));
  event["duration"] = to_iso_duration(
      since ? std::chrono::floor<std::chrono::seconds>(world.now() - *since).count() : 0);
  event.erase("_sim");
  return event;
}

std::vector<JsonObject> events(UmCall& call) {
  refresh_events(call.world);
  std::vector<JsonObject> out;
  for (const auto& [key, event] : call.world.manager().rows(kUmEvent)) {
    out.push_back(shown(call.world, event));
  }
  return out;
}

Outcome<UmAnswer> list_events(UmCall& call) { return um_list(call, events(call)); }
Outcome<UmAnswer> show_event(UmCall& call) { return um_show(events(call), call.key()); }

// {"current_state": "acknowledged"|"resolved", "acknowledged_username"|"resolved_username"},
// {"assigned": {"user"}}, {"annotation"}.
Outcome<UmAnswer> change_event(UmCall& call) {
  JsonObject* event = call.world.manager().edit(kUmEvent, call.key());
  if (event == nullptr) {
    return um_fault(404, "There is no event with this key.", "key");
  }
  for (const auto& [field, value] : call.body) {
    if (!is_one_of(
            field,
            "current_state|acknowledged_username|resolved_username|assigned|annotation|key")) {
      return um_fault(400, fmt::format("The field \"{}\" cannot be changed.", std::string(field)),
                      std::string(field));
    }
  }
  const std::string state = text_at(call.body, "current_state");
  if (!state.empty() && state != "acknowledged" && state != "resolved") {
    return um_fault(400, "current_state takes acknowledged or resolved.", "current_state");
  }
  if (!state.empty()) {
    if (!is_open(*event) ||
        (state == "acknowledged" && text_at(*event, "current_state") == "acknowledged")) {
      return um_fault(400,
                      fmt::format("The event is {} already.", text_at(*event, "current_state")),
                      "current_state");
    }
    const std::string field = state + "_username";
    const std::string user = text_at(call.body, field, call.user);
    (*event)[field] = user;
    move_to(call.world, *event, state, user);
  }
  if (const std::string user = text_at(call.body, "assigned.user"); !user.empty()) {
    (*event)["assigned"] = {{"user", user}, {"timestamp", call.world.now_text()}};
  }
  copy_field(call.body, *event, "annotation");
  return UmAnswer{.body = shown(call.world, *event)};
}

}  // namespace

void refresh_events(World& world) {
  std::set<std::string> holding;
  std::set<std::string> known;
  for (const auto& [key, event] : world.manager().rows(kUmEvent)) {
    // One that a person resolved comes back only after its condition has gone.
    if (text_at(event, "current_state") != "obsolete") {
      known.insert(text_at(event, "_sim.condition"));
    }
  }
  for (const auto& cluster : world.clusters()) {
    if (!um_knows(world, *cluster)) {
      continue;
    }
    for (const Finding& finding : look_at(world, *cluster)) {
      const std::string condition = condition_of(*cluster, finding);
      holding.insert(condition);
      if (!known.contains(condition)) {
        raise(world, *cluster, finding);
      }
    }
  }
  std::vector<std::string> gone;
  for (const auto& [key, event] : world.manager().rows(kUmEvent)) {
    if (text_at(event, "current_state") != "obsolete" &&
        !holding.contains(text_at(event, "_sim.condition"))) {
      gone.push_back(key);
    }
  }
  for (const std::string& key : gone) {
    move_to(world, *world.manager().edit(kUmEvent, key), "obsolete", "");
  }
}

void add_um_events(std::vector<UmRoute>& routes) {
  routes.push_back({"GET", "/management-server/events", &list_events});
  routes.push_back({"GET", "/management-server/events/{key}", &show_event});
  routes.push_back({"PATCH", "/management-server/events/{key}", &change_event});
}

}  // namespace holdfast::ontap_sim

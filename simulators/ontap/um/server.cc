// What the manager is and keeps: data sources, jobs, alerts, scripts, users, its own state.
#include <fmt/core.h>

#include <algorithm>

#include "core/base/bytes.h"
#include "core/crypto/digest.h"
#include "simulators/ontap/model/job.h"
#include "simulators/ontap/um/events.h"
#include "simulators/ontap/um/manager.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kSources = "/admin/datasources/clusters";
constexpr std::string_view kAlert = "alert";
constexpr std::string_view kScript = "script";
constexpr std::string_view kUser = "user";
constexpr std::string_view kRemovedSource = "removed_source";
constexpr std::string_view kUmJob = "um_job";

std::vector<JsonObject> rows(UmCall& call, std::string_view kind) {
  std::vector<JsonObject> out;
  for (const auto& [key, row] : call.world.manager().rows(kind)) {
    out.push_back(row);
    out.back().erase("_sim");
  }
  return out;
}

JsonObject source_of(UmCall& call, const Cluster& cluster, int number) {
  const std::string key = um_key(cluster, "cluster", cluster.uuid);
  const bool down = call.world.faults().peek("down", cluster.name).has_value();
  return {{"key", key},
          {"id", number},
          {"cluster_object_id", number},
          {"name", cluster.name},
          {"address", "127.0.0.1"},
          {"port", std::strtol(call.world.note("port." + cluster.name).c_str(), nullptr, 10)},
          {"protocol", "https"},
          {"username", cluster.user},
          {"status", down ? "error" : "normal"},
          {"status_message", down ? "The cluster does not answer." : ""},
          {"cluster_health_status", down ? "error" : "ok"},
          {"is_metro_cluster", false},
          {"mutual_tls_status", "not configured"},
          {"operation",
           {{"type", "health_poll"},
            {"state", down ? "failed" : "completed"},
            {"start_time", call.world.now_text()},
            {"end_time", call.world.now_text()}}},
          {"_links", um_link(kSources, key)}};
}

std::vector<JsonObject> sources(UmCall& call) {
  std::vector<JsonObject> out;
  int number = 0;
  for (const auto& cluster : call.world.clusters()) {
    ++number;
    if (um_knows(call.world, *cluster)) {
      out.push_back(source_of(call, *cluster, number));
    }
  }
  return out;
}

Outcome<UmAnswer> list_sources(UmCall& call) {
  const auto records = sources(call);
  UmAnswer answer;
  answer.body = {{"num_records", static_cast<std::int64_t>(records.size())},
                 {"records", JsonArray(records.begin(), records.end())},
                 {"_links", {{"self", {{"href", "/api/admin/datasources/clusters"}}}}}};
  return answer;
}

Outcome<UmAnswer> show_source(UmCall& call) { return um_show(sources(call), call.key()); }

// Adds a cluster of this simulator again: by its name, or by address and port.
Outcome<UmAnswer> add_source(UmCall& call) {
  for (const char* field : {"address", "username", "password"}) {
    if (text_at(call.body, field).empty()) {
      return um_fault(400, fmt::format("The field \"{}\" is required.", field), field);
    }
  }
  const std::string port = std::to_string(int_at(call.body, "port", 443));
  int number = 0;
  for (const auto& cluster : call.world.clusters()) {
    ++number;
    if (text_at(call.body, "address") != cluster->name &&
        call.world.note("port." + cluster->name) != port) {
      continue;
    }
    if (text_at(call.body, "username") != cluster->user ||
        text_at(call.body, "password") != cluster->password) {
      return um_fault(400, "The cluster refuses these credentials.", "password");
    }
    if (um_knows(call.world, *cluster)) {
      return um_fault(400, "The cluster is managed already.", "address");
    }
    call.world.manager().remove(kRemovedSource, cluster->uuid);
    call.world.polled().reset();  // a new source is asked at once
    return UmAnswer{.status = 201, .body = source_of(call, *cluster, number)};
  }
  return um_fault(400, "No cluster answers at this address and port.", "address");
}

Outcome<UmAnswer> change_source(UmCall& call) {
  HF_TRY(const UmAnswer found, um_show(sources(call), call.key()));
  return found;
}

Outcome<UmAnswer> remove_source(UmCall& call) {
  HF_TRY(const UmAnswer found, um_show(sources(call), call.key()));
  const std::string uuid = call.key().substr(0, call.key().find(':'));
  call.world.manager().add(kRemovedSource, uuid, {{"uuid", uuid}});
  call.world.polled().reset();
  return UmAnswer{.empty = true};
}

// --- jobs: those of ONTAP that the manager started
JsonObject job_record(UmCall& call, const JsonObject& row) {
  JsonObject job = row;
  Cluster* cluster = call.world.cluster_by_uuid(text_at(row, "_sim.cluster"));
  const JsonObject* real = cluster ? cluster->find(kind::kJob, text_at(row, "_sim.job")) : nullptr;
  const std::string state = real ? text_at(*real, "state") : "success";
  const bool over = is_terminal(state);
  const std::string shown = over ? "completed" : "running";
  const std::string status = state == "failure" ? "error" : "normal";
  job["state"] = shown;
  job["status"] = status;
  JsonObject task{{"key", text_at(row, "key")},
                  {"name", text_at(row, "name")},
                  {"state", shown},
                  {"status", status},
                  {"start_time", text_at(row, "submit_time")}};
  if (over && real != nullptr) {
    job["complete_time"] = text_at(*real, "end_time");
    task["complete_time"] = text_at(*real, "end_time");
    if (state == "failure") {
      task["failure_reason"] = text_at(*real, "message");
    }
  }
  job["task_reports"] = JsonArray{task};
  job["job_results"] = JsonArray();
  job["spawned_job_summary"] = {{"total_jobs", 0},  {"running_jobs", 0},   {"successful_jobs", 0},
                                {"failed_jobs", 0}, {"completed_jobs", 0}, {"aborted_jobs", 0}};
  job.erase("_sim");
  return job;
}

std::vector<JsonObject> jobs(UmCall& call) {
  std::vector<JsonObject> out;
  for (const auto& [key, row] : call.world.manager().rows(kUmJob)) {
    out.push_back(job_record(call, row));
  }
  return out;
}

Outcome<UmAnswer> list_jobs(UmCall& call) { return um_list(call, jobs(call)); }
Outcome<UmAnswer> show_job(UmCall& call) { return um_show(jobs(call), call.key()); }

// --- alerts and scripts
Outcome<UmAnswer> list_alerts(UmCall& call) { return um_list(call, rows(call, kAlert)); }
Outcome<UmAnswer> show_alert(UmCall& call) { return um_show(rows(call, kAlert), call.key()); }

Done check_alert(const JsonObject& body) {
  for (const auto& [field, value] : body) {
    if (!is_one_of(field, "name|description|enabled|event|resource|action|key")) {
      return um_fault(400, fmt::format("The field \"{}\" is unknown.", std::string(field)),
                      std::string(field));
    }
  }
  for (const std::string& severity : texts_at(body, "event.severities")) {
    if (!is_one_of(severity, "warning|error|critical")) {
      return um_fault(400, fmt::format("\"{}\" is no severity of an alert.", severity),
                      "event.severities");
    }
  }
  return {};
}

Outcome<UmAnswer> add_alert(UmCall& call) {
  HF_TRY_VOID(check_alert(call.body));
  if (text_at(call.body, "name").empty()) {
    return um_fault(400, "The field \"name\" is required.", "name");
  }
  if (call.world.manager().find_by(kAlert, "name", text_at(call.body, "name")) != nullptr) {
    return um_fault(400, "An alert of this name exists.", "name");
  }
  const std::string key = call.world.new_uuid();
  call.body["key"] = key;
  if (!call.body.contains("enabled")) {
    call.body["enabled"] = true;
  }
  return UmAnswer{.status = 201, .body = call.world.manager().add(kAlert, key, call.body)};
}

Outcome<UmAnswer> change_alert(UmCall& call) {
  HF_TRY_VOID(check_alert(call.body));
  JsonObject* alert = call.world.manager().edit(kAlert, call.key());
  if (alert == nullptr) {
    return um_fault(404, "There is no alert with this key.", "key");
  }
  call.body.erase("key");
  merge(*alert, call.body);
  return UmAnswer{.body = *alert};
}

Outcome<UmAnswer> remove_alert(UmCall& call) {
  if (call.world.manager().find(kAlert, call.key()) == nullptr) {
    return um_fault(404, "There is no alert with this key.", "key");
  }
  call.world.manager().remove(kAlert, call.key());
  return UmAnswer{.empty = true};
}

Outcome<UmAnswer> list_scripts(UmCall& call) { return um_list(call, rows(call, kScript)); }

// --- users
Outcome<UmAnswer> list_users(UmCall& call) { return um_list(call, rows(call, kUser)); }
Outcome<UmAnswer> show_user(UmCall& call) { return um_show(rows(call, kUser), call.key(), "name"); }

Outcome<UmAnswer> add_user(UmCall& call) {
  const std::string name = text_at(call.body, "name");
  if (name.empty() || text_at(call.body, "password").empty() ||
      !is_one_of(text_at(call.body, "role"),
                 "integration_schema|report_schema|operator|storage_administrator|administrator")) {
    return um_fault(400, "A user has a name, a password and a role.", "name");
  }
  if (name == call.world.config().user || call.world.manager().find(kUser, name) != nullptr) {
    return um_fault(400, "A user of this name exists.", "name");
  }
  JsonObject user{{"name", name},
                  {"role", text_at(call.body, "role")},
                  {"authentication_type", "local_user"},
                  {"email", text_at(call.body, "email")},
                  {"locked", "False"},
                  {"group", false}};
  JsonObject stored = user;
  stored["_sim"] = {
      {"password", crypto::sha256_hex(as_bytes(name + ":" + text_at(call.body, "password")))}};
  call.world.manager().add(kUser, name, std::move(stored));
  return UmAnswer{.status = 201, .body = std::move(user)};
}

Outcome<UmAnswer> remove_user(UmCall& call) {
  if (call.world.manager().find(kUser, call.key()) == nullptr) {
    return um_fault(404, "There is no user of this name.", "name");
  }
  call.world.manager().remove(kUser, call.key());
  return UmAnswer{.empty = true};
}

// --- the manager itself
Outcome<UmAnswer> show_system(UmCall& call) {
  UmAnswer answer;
  answer.body = {
      {"product", "Active IQ Unified Manager"},
      {"vendor", "NetApp"},
      {"version", "9.16"},
      {"uuid", call.world.note("um.uuid")},
      {"deployment", "linux"},
      {"services",
       JsonArray{
           JsonObject{
               {"name", "ocie"}, {"description", "Management server"}, {"status", "running"}},
           JsonObject{{"name", "ocieau"}, {"description", "Acquisition"}, {"status", "running"}}}},
      {"_links", {{"self", {{"href", "/api/management-server/system"}}}}}};
  return answer;
}

Outcome<UmAnswer> backup_settings(UmCall&) {
  UmAnswer answer;
  answer.body = {
      {"frequency", "none"}, {"hour", 0},
      {"minute", 0},         {"retention_count", 10},
      {"path", ""},          {"_links", {{"self", {{"href", "/api/admin/backup-settings"}}}}}};
  return answer;
}

}  // namespace

bool um_knows(World& world, const Cluster& cluster) {
  return world.manager().find(kRemovedSource, cluster.uuid) == nullptr;
}

void add_um_server(std::vector<UmRoute>& routes) {
  routes.push_back({"GET", "/admin/datasources/clusters", &list_sources});
  routes.push_back({"POST", "/admin/datasources/clusters", &add_source, true});
  routes.push_back({"GET", "/admin/datasources/clusters/{key}", &show_source});
  routes.push_back({"PATCH", "/admin/datasources/clusters/{key}", &change_source, true});
  routes.push_back({"DELETE", "/admin/datasources/clusters/{key}", &remove_source, true});
  routes.push_back({"GET", "/admin/backup-settings", &backup_settings});
  routes.push_back({"GET", "/management-server/jobs", &list_jobs});
  routes.push_back({"GET", "/management-server/jobs/{key}", &show_job});
  routes.push_back({"GET", "/management-server/alerts", &list_alerts});
  routes.push_back({"POST", "/management-server/alerts", &add_alert, true});
  routes.push_back({"GET", "/management-server/alerts/{key}", &show_alert});
  routes.push_back({"PATCH", "/management-server/alerts/{key}", &change_alert, true});
  routes.push_back({"DELETE", "/management-server/alerts/{key}", &remove_alert, true});
  routes.push_back({"GET", "/management-server/scripts", &list_scripts});
  routes.push_back({"GET", "/management-server/system", &show_system});
  routes.push_back({"GET", "/security/users", &list_users});
  routes.push_back({"POST", "/security/users", &add_user, true});
  routes.push_back({"GET", "/security/users/{name}", &show_user});
  routes.push_back({"DELETE", "/security/users/{name}", &remove_user, true});
}

}  // namespace holdfast::ontap_sim

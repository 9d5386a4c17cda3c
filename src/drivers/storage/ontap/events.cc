#include "drivers/storage/ontap/events.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

std::optional<UtcTime> time_of(const std::string& text) {
  const auto time = parse_time(text);
  return time ? std::optional(*time) : std::nullopt;
}

// The volume that an EMS event is about, where its parameters name one.
std::string resource_of(const Json& record) {
  std::string svm;
  std::string volume;
  if (const Json& parameters = at(record, "parameters"); parameters.is_array()) {
    for (const Json& parameter : parameters.get_array()) {
      const std::string name = get_string(parameter, "name");
      const std::string value = get_string(parameter, "value");
      if (name == "volName" || name == "vol_name" || name == "volume") {
        volume = value;
      } else if (name == "vserverName" || name == "vserver") {
        svm = value;
      }
    }
  }
  return svm.empty() || volume.empty() ? volume : svm + ":" + volume;
}

// The earliest instant of an event's history: there is no other time in it.
std::optional<UtcTime> first_seen(const Json& record) {
  std::optional<UtcTime> first;
  if (const Json& history = at(record, "history"); history.is_array()) {
    for (const Json& entry : history.get_array()) {
      const auto time = time_of(get_string(entry, "timestamp"));
      first = time && (!first || *time < *first) ? time : first;
    }
  }
  return first;
}

Co<Status> change_event(std::shared_ptr<System> manager, std::string id, Json change,
                        std::string what) {
  if (manager->endpoint().kind != SystemKind::kUnifiedManager) {
    co_return Error(Code::kFailedPrecondition,
                    "only events of Unified Manager have a state: those of a cluster are a log");
  }
  Write write{.method = "PATCH",
              .path = "/management-server/events/" + net::url_encode(id),
              .query = {},
              .body = std::move(change),
              .what = std::move(what)};
  write.wait_briefly = false;
  co_return status_of(co_await manager->root().write(std::move(write)));
}

}  // namespace

Co<Result<std::vector<StorageEvent>>> ems_events(ClusterPtr cluster, UtcTime since) {
  const UtcTime whole = std::chrono::floor<std::chrono::seconds>(since);
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list(
                "/support/ems/events",
                {{"message.severity", "emergency|alert|error"},
                 {"time", ">=" + to_rfc3339(whole)},
                 {"fields", "index,time,message,node.name,log_message,parameters"},
                 {"order_by", "index asc"}},
                "read the cluster's events"));
  std::vector<StorageEvent> events;
  for (const Json& record : records) {
    const std::string node = get_string(at(record, "node"), "name");
    StorageEvent event;
    event.id = fmt::format("{}/{}", node, get_int(record, "index"));
    event.source = "ems";
    event.system = cluster->system;
    event.cluster = cluster->name;
    event.name = get_string(at(record, "message"), "name");
    event.severity = get_string(at(record, "message"), "severity");
    event.text = get_string(record, "log_message");
    event.resource = resource_of(record);
    event.time = time_of(get_string(record, "time"));
    events.push_back(std::move(event));
  }
  co_return events;
}

Co<Result<std::vector<StorageEvent>>> open_events(std::shared_ptr<System> manager) {
  HF_CO_TRY(const JsonArray records,
            co_await manager->root().list("/management-server/events", {}, "read the events"));
  std::vector<StorageEvent> events;
  for (const Json& record : records) {
    StorageEvent event;
    event.state = get_string(record, "current_state");
    if (event.state == "resolved" || event.state == "obsolete") {
      continue;
    }
    event.id = get_string(record, "key");
    event.source = "active-iq";
    event.system = manager->endpoint().name;
    event.cluster = get_string(at(record, "cluster"), "name");
    event.name = get_string(record, "name");
    event.severity = get_string(record, "severity");
    event.text = get_string(record, "cause");
    event.resource = get_string(at(record, "impact"), "resource_name");
    event.annotation = get_string(record, "annotation");
    event.time = first_seen(record);
    events.push_back(std::move(event));
  }
  std::sort(events.begin(), events.end(),
            [](const auto& a, const auto& b) { return a.time < b.time; });
  co_return events;
}

Co<Status> acknowledge_event(std::shared_ptr<System> manager, std::string id, std::string user) {
  return change_event(
      std::move(manager), std::move(id),
      JsonObject{{"current_state", "acknowledged"}, {"acknowledged_username", std::move(user)}},
      "acknowledge the event");
}

Co<Status> annotate_event(std::shared_ptr<System> manager, std::string id, std::string text) {
  return change_event(std::move(manager), std::move(id),
                      JsonObject{{"annotation", std::move(text)}}, "annotate the event");
}

Co<Status> resolve_event(std::shared_ptr<System> manager, std::string id, std::string user) {
  return change_event(
      std::move(manager), std::move(id),
      JsonObject{{"current_state", "resolved"}, {"resolved_username", std::move(user)}},
      "resolve the event");
}

Json to_json(const StorageEvent& event) {
  return JsonObject{{"id", event.id},
                    {"source", event.source},
                    {"system", event.system},
                    {"cluster", event.cluster},
                    {"name", event.name},
                    {"severity", event.severity},
                    {"text", event.text},
                    {"resource", event.resource},
                    {"state", event.state.empty() ? Json() : Json(event.state)},
                    {"annotation", event.annotation},
                    {"time", event.time ? Json(to_rfc3339(*event.time)) : Json()}};
}

}  // namespace holdfast::storage::ontap

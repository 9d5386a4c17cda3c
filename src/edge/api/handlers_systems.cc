// Handlers of storage systems: what they are, whether they answer, what is on them.
#include "domain/protect/systems.h"

#include <fmt/core.h>

#include "edge/api/handlers.h"

namespace holdfast::api {
namespace {

// A system as people see it: its document holds names of files, never secrets.
Json view(const inventory::StoredSystem& system) {
  const auto field = [&system](std::string_view name) {
    const Json* value = find(system.document, name);
    return value == nullptr ? Json() : *value;
  };
  const char* login = find(system.document, "oauth2") != nullptr        ? "oauth2"
                      : find(system.document, "certificate") != nullptr ? "certificate"
                                                                        : "basic";
  return JsonObject{{"id", system.id},
                    {"name", system.name},
                    {"type", system.type},
                    {"address", field("address")},
                    {"login", login},
                    {"user", field("user")},
                    {"tls", field("tls")},
                    {"mounts", field("mounts")},
                    {"created_at", to_rfc3339(system.created_at)},
                    {"asked_at", system.asked_at ? Json(to_rfc3339(*system.asked_at)) : Json()},
                    {"problem", system.problem.empty() ? Json() : Json(system.problem)}};
}

}  // namespace

async::Co<Result<Json>> list_systems(Call call) {
  co_return co_await call.server().db.read([](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto systems, inventory::list_systems(sql));
    JsonArray items;
    for (const inventory::StoredSystem& system : systems) {
      items.push_back(view(system));
    }
    return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}});
  });
}

async::Co<Result<Json>> get_system(Call call) {
  co_return co_await call.server().db.read([call](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto system, inventory::find_system(sql, call.path_value("id")));
    return view(system);
  });
}

async::Co<Result<Json>> add_system(Call call) {
  protect::NewSystem wanted;
  JsonObject document = call.body.get_object();
  wanted.password = SecretString(get_string(call.body, "password"));
  wanted.client_secret = SecretString(get_string(call.body, "client_secret"));
  document.erase("password");
  document.erase("client_secret");
  document["kind"] = "system";
  wanted.document = std::move(document);
  HF_CO_TRY(const auto system,
            co_await protect::put_system(*call.services, call.caller, std::move(wanted)));
  co_return view(system);
}

async::Co<Result<Json>> remove_system(Call call) {
  HF_CO_TRY(const auto system,
            co_await protect::remove_system(*call.services, call.caller, call.path_value("id")));
  co_return view(system);
}

async::Co<Result<Json>> test_system(Call call) {
  return protect::test_system(*call.services, call.path_value("id"));
}

async::Co<Result<Json>> system_inventory(Call call) {
  return protect::system_inventory(*call.services, call.path_value("id"));
}

async::Co<Result<Json>> system_capacity(Call call) {
  return protect::system_capacity(*call.services, call.path_value("id"));
}

async::Co<Result<Json>> system_events(Call call) {
  return protect::system_events(*call.services, call.path_value("id"));
}

async::Co<Result<Json>> system_findings(Call call) {
  return protect::system_findings(*call.services, call.path_value("id"));
}

async::Co<Result<Json>> acknowledge_system_event(Call call) {
  return protect::acknowledge_event(*call.services, call.caller, call.path_value("id"),
                                    call.path_value("event"));
}

async::Co<Result<Json>> annotate_system_event(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"annotation"}));
  std::vector<Problem> problems;
  ObjectReader reader(call.body, "", problems);
  const std::string text = reader.string("annotation");
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  co_return co_await protect::annotate_event(*call.services, call.caller, call.path_value("id"),
                                             call.path_value("event"), text);
}

async::Co<Result<Json>> adopt_on_system(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"object", "cluster"}));
  std::vector<Problem> problems;
  ObjectReader reader(call.body, "", problems);
  const std::string object = reader.string("object");
  const std::string cluster = reader.string_or("cluster", "");
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  co_return co_await protect::adopt_object(*call.services, call.caller, call.path_value("id"),
                                           object, cluster);
}

async::Co<Result<Json>> clean_system(Call call) {
  return protect::clean_system(*call.services, call.caller, call.path_value("id"));
}

}  // namespace holdfast::api

// Starting a built-in workflow for a person: parameters checked against the workflow's own schema,
// the resource resolved so that a wrong name is an answer, not a failed run.
#include <fmt/core.h>

#include <algorithm>

#include "domain/inventory/catalog.h"
#include "domain/protect/noted.h"
#include "domain/protect/services.h"
#include "domain/protect/start_run.h"

namespace holdfast::protect {
namespace {

constexpr std::string_view kSchemas = R"json({
"scheduled_backup": {"type":"object","required":["resource"],"properties":{"resource":{"type":"string"},"label":{"type":"string"},"manual":{"type":"boolean"}},"additionalProperties":false},
"schedule_backup": {"type":"object","required":["volume_id"],"properties":{"volume_id":{"type":"string"},"backup_type":{"type":"string"},"retention_period":{"type":"string"},"consistency_group":{"type":"boolean"},"schedule":{"type":"string"}},"additionalProperties":false},
"data_recovery": {"type":"object","required":["source_backup","target_location"],"properties":{"recovery_type":{"type":"string"},"means":{"type":"string","enum":["snapshot_restore","file_restore","clone","replica_restore","files_copied"]},"source_backup":{"type":"string"},"target_location":{"type":"string"},"recovery_point":{"type":["string","null"]},"copy":{"type":"string"},"paths":{"type":"array"},"validate_integrity":{"type":"boolean"},"notify_completion":{"type":"boolean"},"dry_run":{"type":"boolean"}},"additionalProperties":false},
"recovery_proof": {"type":"object","properties":{"resource":{"type":"string"},"point":{"type":"string"},"level":{"type":"string"},"copy":{"type":"string"}},"additionalProperties":false},
"backup_status_report": {"type":"object","properties":{"cluster_id":{"type":"string"},"start_date":{"type":"string"},"end_date":{"type":"string"},"include_metrics":{"type":"boolean"},"include_failures":{"type":"boolean"}},"additionalProperties":false},
"catalog_rebuild": {"type":"object","properties":{},"additionalProperties":false}
})json";

const JsonObject& schemas() {
  static const Json value = parse_json(kSchemas).value_or(Json(JsonObject{}));
  return value.get_object();
}

std::string known_names() {
  std::string names;
  for (const auto& schema : schemas()) {
    names += (names.empty() ? "" : ", ") + std::string(schema.key());
  }
  return names;
}

// Whether a value is of one of the schema's types ("string", "boolean", "array", "null").
bool has_type(const Json& value, const Json& type) {
  if (type.is_array()) {
    for (const Json& option : type.get_array()) {
      if (has_type(value, option)) {
        return true;
      }
    }
    return false;
  }
  const std::string_view name = type.get_string();
  return (name == "string" && value.is_string()) || (name == "boolean" && value.is_bool()) ||
         (name == "array" && value.is_array()) || (name == "null" && value.is_null());
}

bool is_listed(const Json& value, const Json& property) {
  const Json* list = find(property, "enum");
  return list == nullptr || std::find(list->get_array().begin(), list->get_array().end(), value) !=
                                list->get_array().end();
}

Status check_parameters(const Json& schema, const Json& parameters) {
  std::vector<Problem> problems;
  if (!parameters.is_object()) {
    return Error(Code::kInvalidArgument, "parameters must be an object")
        .with("/parameters", "must be an object");
  }
  const JsonObject& properties = find(schema, "properties")->get_object();
  for (const auto& parameter : parameters.get_object()) {
    const Json* property = properties.if_contains(parameter.key());
    const std::string pointer = "/parameters/" + std::string(parameter.key());
    if (property == nullptr) {
      problems.push_back({pointer, "is not a parameter of this workflow"});
    } else if (!has_type(parameter.value(), property->at("type"))) {
      problems.push_back(
          {pointer, fmt::format("must be of type {}", to_text(property->at("type")))});
    } else if (!is_listed(parameter.value(), *property)) {
      problems.push_back({pointer, "must be one of " + to_text(property->at("enum"))});
    }
  }
  if (const Json* required = find(schema, "required")) {
    for (const Json& name : required->get_array()) {
      if (get_string(parameters, name.get_string()).empty()) {
        problems.push_back({"/parameters/" + std::string(name.get_string()), "is required"});
      }
    }
  }
  if (!problems.empty()) {
    return to_error(problems);
  }
  return {};
}

// The resource that a run is about, for lists: by the parameter that names it.
Result<std::optional<inventory::Resource>> subject_of(db::Connection& sql,
                                                      const std::string& workflow,
                                                      const Json& parameters) {
  const std::string_view key = workflow == "scheduled_backup"  ? "resource"
                               : workflow == "schedule_backup" ? "volume_id"
                               : workflow == "data_recovery"   ? "source_backup"
                               : workflow == "recovery_proof"
                                   ? (find(parameters, "point") != nullptr ? "point" : "resource")
                                   : "";
  if (key.empty()) {
    return std::optional<inventory::Resource>();
  }
  const std::string name = get_string(parameters, key);
  if (name.empty()) {
    return to_error({{fmt::format("/parameters/{}", key), "is required"}});
  }
  if (name.starts_with("pt_")) {
    HF_TRY(const inventory::Point point, inventory::find_point(sql, name));
    auto found = inventory::find_resource(sql, point.resource.text());
    inventory::Resource removed;
    removed.id = point.resource;
    removed.name = point.resource_name;
    return std::optional(found ? *std::move(found) : removed);
  }
  HF_TRY(inventory::Resource resource, inventory::find_resource(sql, name));
  return std::optional(std::move(resource));
}

}  // namespace

const JsonObject& workflow_schemas() { return schemas(); }

async::Co<Result<std::string>> start_workflow(const Services& services, Caller caller,
                                              std::string name, Json parameters) {
  const Json* schema = schemas().if_contains(name);
  if (schema == nullptr) {
    co_return Error(Code::kNotFound, fmt::format("there is no workflow '{}': this server knows {}",
                                                 name, known_names()));
  }
  HF_CO_TRY_VOID(check_parameters(*schema, parameters));
  const ServerContext* server = &services.server;
  if (!caller.run_id.empty()) {  // begun before the server died? Then there is nothing to start.
    const auto known = co_await services.flow.describe(flow::ref(flow::WorkflowId(caller.run_id)));
    if (known) {
      co_return caller.run_id;
    }
  }
  RunRequest request;
  request.workflow = name;
  request.run_id = caller.run_id.empty() ? server->new_id("run_") : caller.run_id;
  request.parameters = parameters;
  request.trigger = "manual";
  request.traceparent = caller.traceparent;
  if (name == "data_recovery") {
    request.parameters.get_object()["requested_by"] = caller.principal.id;
  }
  if (name == "scheduled_backup" && find(parameters, "manual") == nullptr) {
    request.parameters.get_object()["manual"] = true;
  }
  const Noted what{.action = "workflow.started",
                   .target = request.run_id,
                   .detail = name,
                   .payload_hash = hash_of(parameters)};
  HF_CO_TRY(const auto subject,
            co_await server->db.write(
                [=](db::Connection& sql) -> Result<std::optional<inventory::Resource>> {
                  HF_TRY(auto found, subject_of(sql, name, parameters));
                  HF_TRY_VOID(note(sql, *server, caller, what));
                  return found;
                }));
  if (subject) {
    request.resource_id = subject->id.text();
    request.resource_name = subject->name;
  }
  HF_CO_TRY_VOID(status_of(co_await start_run(services.flow, request)));
  co_return request.run_id;
}

}  // namespace holdfast::protect

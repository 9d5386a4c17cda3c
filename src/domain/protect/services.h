// What the gateway asks of protect: changes to what is protected, each with its audit row in the
// same transaction. The caller has been authenticated and has the scope; these functions check the
// rest.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/base/secret.h"
#include "domain/access/scope.h"
#include "domain/activities/data_context.h"
#include "domain/inventory/model.h"
#include "domain/protect/policy.h"
#include "domain/protect/server_context.h"
#include "flow/client.h"

namespace holdfast::protect {

// What the services stand on; outlives every call.
struct Services {
  const ServerContext& server;
  const activities::DataContext& data;
  flow::Client& flow;
  // Whether an agent (by id) asks for tasks now; may be empty.
  std::function<bool(const std::string&)> agent_asks_now{};
};

// Who asks, and how the question is found again in audit, history and logs.
struct Caller {
  access::Principal principal;
  std::string request_id;
  std::string traceparent;
  std::string run_id;  // of the run that the request starts; empty: any
};

struct ApplyRequest {
  Json document;
  std::string policy;  // binds a resource document; empty: what the document says
  bool dry_run = false;
};
// Answers {"kind", "name", "id", "action", "version", "binds", "warnings", "dry_run"}. Errors name
// every problem with its JSON pointer as context.
async::Co<Result<Json>> apply_document(const Services& services, Caller caller,
                                       ApplyRequest request);

struct NewResource {
  std::string name;
  std::string path;
  std::string policy;
  std::map<std::string, std::string> labels;
  std::string quiesce_command;
  std::string release_command;
  std::string probe_command;
  std::string consistency_group;
  std::string agent;   // whose host has the path; empty: the server's own
  std::string driver;  // empty: found by looking at the path; on an agent's host, directory
};
// kAlreadyExists: the name is taken. kNotFound, kInvalidArgument: the path. kFailedPrecondition:
// the policy demands what the storage cannot do.
async::Co<Result<inventory::Resource>> add_resource(const Services& services, Caller caller,
                                                    NewResource wanted);
async::Co<Result<inventory::Resource>> remove_resource(const Services& services, Caller caller,
                                                       std::string id_or_name);

struct NewRepository {
  std::string name;
  std::string location;
  std::string replica_of;  // empty: none
};
// Makes the key file first, then the repository; takes over one that this server's key opens.
async::Co<Result<inventory::Repository>> add_repository(const Services& services, Caller caller,
                                                        NewRepository wanted);
// The exit door: what restic needs to open it. Audited.
async::Co<Result<SecretString>> repository_password(const Services& services, Caller caller,
                                                    std::string id_or_name);

// Starts a run of a built-in workflow after checking its parameters; answers the run's id.
// kNotFound: no such workflow (the message lists them).
async::Co<Result<std::string>> start_workflow(const Services& services, Caller caller,
                                              std::string name, Json parameters);
// The names that start_workflow takes, with the JSON Schema of their parameters.
const JsonObject& workflow_schemas();

}  // namespace holdfast::protect

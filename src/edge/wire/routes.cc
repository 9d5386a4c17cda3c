#include "edge/wire/routes.h"

#include <algorithm>
#include <array>

namespace holdfast::wire {
namespace {

constexpr auto kRoutes = std::to_array<Route>({
    {"GET", "/v1/health", "getHealth", "", "Whether the server answers", "", "", "Health"},
    {"GET", "/metrics", "getMetrics", "read", "Metrics in Prometheus text format", "", "", ""},
    {"GET", "/v1/openapi.json", "getOpenApi", "read", "This document", "", "", "Any"},
    {"GET", "/v1/schemas", "listSchemas", "read", "Kinds of documents", "", "", "list:Any"},
    {"GET", "/v1/schemas/{kind}", "getSchema", "read", "Schema of one kind of document", "", "",
     "Any"},
    {"POST", "/v1/documents", "applyDocument", "configure",
     "Creates or updates what one document describes", "", "ApplyRequest", "ApplyResult"},
    {"GET", "/v1/resources", "listResources", "read", "Protected resources", "limit cursor", "",
     "list:Resource"},
    {"POST", "/v1/resources", "addResource", "configure", "Protects a path", "", "ResourceRequest",
     "Resource", 201},
    {"GET", "/v1/resources/{id}", "getResource", "read", "One resource, by id or name", "", "",
     "Resource"},
    {"DELETE", "/v1/resources/{id}", "removeResource", "configure", "Stops protecting; points stay",
     "", "", "Resource"},
    {"GET", "/v1/repositories", "listRepositories", "read", "Repositories", "limit cursor", "",
     "list:Repository"},
    {"POST", "/v1/repositories", "addRepository", "configure", "Makes or takes over a repository",
     "", "RepositoryRequest", "Repository", 201},
    {"GET", "/v1/repositories/{id}", "getRepository", "read", "One repository", "", "",
     "Repository"},
    {"POST", "/v1/repositories/{id}/password", "getRepositoryPassword", "secrets",
     "What restic needs to open it (audited)", "", "", "RepositoryPassword"},
    {"GET", "/v1/policies", "listPolicies", "read", "Policies", "limit cursor", "", "list:Policy"},
    {"GET", "/v1/policies/{name}", "getPolicy", "read", "One policy", "", "", "Policy"},
    {"GET", "/v1/channels", "listChannels", "read", "Notification channels", "limit cursor", "",
     "list:Channel"},
    {"POST", "/v1/channels/{name}/test", "testChannel", "operate", "Sends a test notification", "",
     "", "Delivery"},
    {"GET", "/v1/workflows", "listWorkflows", "read", "Workflows that can be started", "", "",
     "list:Any"},
    {"POST", "/v1/workflows/{name}", "startWorkflow", "operate", "Starts a run", "",
     "WorkflowRequest", "Run", 202},
    {"GET", "/v1/runs", "listRuns", "read", "Runs, newest first",
     "limit cursor status workflow resource since until filter", "", "list:Run"},
    {"GET", "/v1/runs/count", "countRuns", "read", "How many runs there are",
     "status workflow resource since until filter", "", "Count"},
    {"GET", "/v1/runs/{id}", "getRun", "read", "One run", "", "", "Run"},
    {"GET", "/v1/runs/{id}/history", "getRunHistory", "read", "Its history (Temporal's JSON)", "",
     "", "Any"},
    {"GET", "/v1/runs/{id}/events", "watchRun", "read", "Its changes as server-sent events", "", "",
     ""},
    {"POST", "/v1/runs/{id}/cancel", "cancelRun", "operate", "Asks a run to stop and clean up", "",
     "", "Run", 202},
    {"POST", "/v1/runs/{id}/signals/{name}", "signalRun", "operate", "Sends a signal", "", "Any",
     "Run", 202},
    {"POST", "/v1/runs/{id}/queries/{name}", "queryRun", "read", "Asks a run; changes nothing", "",
     "Any", "QueryAnswer"},
    {"POST", "/v1/runs/{id}/terminate", "terminateRun", "operate",
     "Ends a run at once, without clean-up", "", "Reason", "Run", 202},
    {"POST", "/v1/runs/{id}/retry", "retryRun", "operate",
     "Starts a new run with the input of one that failed", "", "", "Run", 202},
    {"POST", "/v1/runs/{id}/reset", "resetRun", "operate",
     "Does a run again from an earlier workflow task", "", "Reset", "Run", 202},
    {"GET", "/v1/points", "listPoints", "read", "Recovery points, newest first",
     "limit cursor resource", "", "list:Point"},
    {"GET", "/v1/points/{id}", "getPoint", "read", "One recovery point", "", "", "Point"},
    {"GET", "/v1/points/{id}/files", "listPointFiles", "read", "One directory of a point",
     "path limit cursor", "", "list:Any"},
    {"GET", "/v1/approvals", "listApprovals", "read", "Approvals", "limit cursor status", "",
     "list:Approval"},
    {"GET", "/v1/approvals/{id}", "getApproval", "read", "One approval", "", "", "Approval"},
    {"POST", "/v1/approvals/{id}/approve", "approve", "approve", "Approves exactly this proposal",
     "", "Decision", "Approval"},
    {"POST", "/v1/approvals/{id}/deny", "deny", "approve", "Denies it", "", "Decision", "Approval"},
    {"GET", "/v1/schedules", "listSchedules", "read", "Schedules with their next times", "", "",
     "list:Schedule"},
    {"GET", "/v1/schedules/{resource}/{label}", "getSchedule", "read",
     "One schedule with its next and last runs", "", "", "Schedule"},
    {"POST", "/v1/schedules/{resource}/{label}/pause", "pauseSchedule", "operate",
     "Starts nothing by itself until it is resumed", "", "Reason", "Schedule"},
    {"POST", "/v1/schedules/{resource}/{label}/resume", "resumeSchedule", "operate", "Ends a pause",
     "", "", "Schedule"},
    {"POST", "/v1/schedules/{resource}/{label}/trigger", "triggerSchedule", "operate",
     "One run now", "", "", "ExpectedRun", 202},
    {"POST", "/v1/schedules/{resource}/{label}/backfill", "backfillSchedule", "operate",
     "Runs what was due in a past time", "", "Backfill", "list:ExpectedRun", 202},
    {"GET", "/v1/schedules/next", "nextRuns", "read", "The next expected runs", "count resource",
     "", "list:ExpectedRun"},
    {"GET", "/v1/expected-runs", "listExpectedRuns", "read", "The ledger of expected runs",
     "limit cursor status resource", "", "list:ExpectedRun"},
    {"GET", "/v1/status", "getStatus", "read", "How well everything is protected", "", "", "Any"},
    {"GET", "/v1/doctor", "getDoctor", "read", "What is wrong and what to do", "", "", "Any"},
    {"GET", "/v1/audit", "listAudit", "audit", "Who changed what", "limit cursor", "",
     "list:AuditEntry"},
    {"GET", "/v1/keys", "listKeys", "admin", "API keys", "", "", "list:ApiKey"},
    {"POST", "/v1/keys", "addKey", "admin", "Makes an API key; its text is shown once", "",
     "KeyRequest", "ApiKey", 201},
    {"DELETE", "/v1/keys/{id}", "revokeKey", "admin", "Revokes a key", "", "", "ApiKey"},
    {"GET", "/v1/agents", "listAgents", "read", "Workers on other hosts", "", "", "list:Agent"},
    {"POST", "/v1/agents", "addAgent", "admin", "Makes an agent; its key is shown once", "",
     "AgentRequest", "Agent", 201},
    {"GET", "/v1/agents/{id}", "getAgent", "read", "One agent, by id or name", "", "", "Agent"},
    {"DELETE", "/v1/agents/{id}", "removeAgent", "admin", "Revokes its key; it stops", "", "",
     "Agent"},
    {"POST", "/v1/agent/tasks/poll", "pollAgentTask", "agent",
     "Waits for a task of this agent; 204: none came", "", "AgentPoll", "AgentTask"},
    {"POST", "/v1/agent/tasks/heartbeat", "heartbeatAgentTask", "agent",
     "Keeps a task; says whether to stop", "", "AgentHeartbeat", "AgentHeartbeatAnswer"},
    {"POST", "/v1/agent/tasks/complete", "completeAgentTask", "agent", "Ends a task", "",
     "AgentOutcome", "Any"},
    {"GET", "/v1/systems", "listSystems", "read", "Storage systems", "", "", "list:System"},
    {"POST", "/v1/systems", "addSystem", "configure", "Adds or changes a storage system", "",
     "SystemRequest", "System", 201},
    {"GET", "/v1/systems/{id}", "getSystem", "read", "One storage system, by id or name", "", "",
     "System"},
    {"DELETE", "/v1/systems/{id}", "removeSystem", "configure", "Forgets it", "", "", "System"},
    {"POST", "/v1/systems/{id}/test", "testSystem", "operate",
     "Whether it can be used, and what is missing", "", "Any", "ConnectionReport"},
    {"GET", "/v1/systems/{id}/inventory", "getSystemInventory", "read", "What is on its clusters",
     "", "", "list:Any"},
    {"GET", "/v1/systems/{id}/capacity", "getSystemCapacity", "read",
     "Space, efficiency and use of aggregates and protected volumes", "", "", "list:Any"},
    {"GET", "/v1/systems/{id}/storage-events", "listSystemEvents", "read",
     "Open events of Unified Manager, and of its clusters in the last day", "", "",
     "list:StorageEvent"},
    {"POST", "/v1/systems/{id}/storage-events/{event}/acknowledge", "acknowledgeSystemEvent",
     "operate", "Acknowledges an event in Unified Manager", "", "Any", "Any"},
    {"POST", "/v1/systems/{id}/storage-events/{event}/annotate", "annotateSystemEvent", "operate",
     "Writes a note at an event in Unified Manager", "", "EventNote", "Any"},
    {"GET", "/v1/systems/{id}/findings", "listSystemFindings", "read",
     "What others made or was left behind", "", "", "list:Finding"},
    {"POST", "/v1/systems/{id}/adopt", "adoptOnSystem", "operate",
     "Takes a snapshot or relationship that others made into care", "", "Adoption", "Any"},
    {"POST", "/v1/systems/{id}/clean", "cleanSystem", "operate",
     "Removes clones of Holdfast that no run uses; starts failed splits of recovered volumes again",
     "", "Any", "Any"},
});

// Schemas are written as JSON text: short, and readable beside docs/design/api.md.
constexpr std::string_view kShapes = R"json({
"Any": {},
"Count": {"type":"object","required":["count"],"properties":{"count":{"type":"integer"}}},
"Reset": {"type":"object","properties":{"event_id":{"type":"integer","minimum":0,"description":"the last workflow task completed at or before this event is done again; 0: the first one"},"reason":{"type":"string"}},"additionalProperties":false},
"Health": {"type":"object","required":["status","version"],"properties":{"status":{"type":"string"},"version":{"type":"string"}}},
"Problem": {"type":"object","required":["type","title","status","detail","code"],"properties":{"type":{"type":"string"},"title":{"type":"string"},"status":{"type":"integer"},"detail":{"type":"string"},"code":{"type":"string"},"request_id":{"type":"string"},"retry":{"enum":["permanent","transient","unknown"]},"problems":{"type":"array","items":{"type":"object","properties":{"pointer":{"type":"string"},"message":{"type":"string"}}}}}},
"ApplyRequest": {"type":"object","required":["document"],"properties":{"document":{"type":"object"},"policy":{"type":["string","null"]},"dry_run":{"type":"boolean"}},"additionalProperties":false},
"ApplyResult": {"type":"object","required":["kind","name","action"],"properties":{"kind":{"type":"string"},"name":{"type":"string"},"id":{"type":"string"},"action":{"enum":["created","updated","unchanged"]},"version":{"type":"integer"},"binds":{"type":"integer"},"warnings":{"type":"array","items":{"type":"string"}},"dry_run":{"type":"boolean"}}},
"ResourceRequest": {"type":"object","required":["name","path"],"properties":{"name":{"type":"string"},"path":{"type":"string"},"policy":{"type":["string","null"]},"labels":{"type":"object"},"quiesce_command":{"type":"string"},"release_command":{"type":"string"},"consistency_group":{"type":"string"},"probe_command":{"type":"string"},"agent":{"type":["string","null"]},"driver":{"type":"string"}},"additionalProperties":false},
"Resource": {"type":"object","required":["id","name","path","driver"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"kind":{"type":"string"},"path":{"type":"string"},"system":{"type":"string"},"driver":{"type":"string"},"agent":{"type":["string","null"]},"policy":{"type":["string","null"]},"protection":{"type":"object"}}},
"RepositoryRequest": {"type":"object","required":["name","location"],"properties":{"name":{"type":"string"},"location":{"type":"string"},"replica_of":{"type":["string","null"]}},"additionalProperties":false},
"Repository": {"type":"object","required":["id","name","location"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"location":{"type":"string"},"is_replica":{"type":"boolean"},"same_disk_as":{"type":["string","null"]}}},
"RepositoryPassword": {"type":"object","required":["location","password"],"properties":{"location":{"type":"string"},"password":{"type":"string"},"hint":{"type":"string"}}},
"Policy": {"type":"object","required":["id","name","version"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"version":{"type":"integer"},"schedules":{"type":"array"},"levels":{"type":"array"},"resources":{"type":"array","items":{"type":"string"}}}},
"Channel": {"type":"object","required":["id","name","type"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"type":{"type":"string"}}},
"Delivery": {"type":"object","required":["channel","delivered"],"properties":{"channel":{"type":"string"},"delivered":{"type":"boolean"},"detail":{"type":"string"}}},
"WorkflowRequest": {"type":"object","properties":{"parameters":{"type":"object"},"auto_approve":{"type":"boolean"}},"additionalProperties":false},
"Run": {"type":"object","required":["id","workflow","status"],"properties":{"id":{"type":"string"},"workflow":{"type":"string"},"status":{"enum":["running","waiting","completed","failed","cancelled"]},"result":{},"steps":{"type":"array"}}},
"Point": {"type":"object","required":["id","resource","time","copies"],"properties":{"id":{"type":"string"},"resource":{"type":"string"},"time":{"type":"string"},"state":{"enum":["proven","covered","unproven"]},"copies":{"type":"array"},"group":{"type":"array","description":"Points of the other members of its consistency group, from the same instant; where one point is shown","items":{"type":"object","properties":{"resource":{"type":"string"},"point":{"type":"string"}}}}}},
"Approval": {"type":"object","required":["id","run_id","status"],"properties":{"id":{"type":"string"},"run_id":{"type":"string"},"status":{"enum":["pending","approved","denied","expired","withdrawn"]}}},
"Reason": {"type":"object","properties":{"reason":{"type":"string"}},"additionalProperties":false},
"Backfill": {"type":"object","required":["from","to"],"properties":{"from":{"type":"string"},"to":{"type":"string"}},"additionalProperties":false},
"QueryAnswer": {"type":"object","required":["answer"],"properties":{"answer":{}}},
"Schedule": {"type":"object","required":["id","resource","label","schedule"],"properties":{"id":{"type":"string"},"resource":{"type":"string"},"label":{"type":"string"},"schedule":{"type":"string"},"overlap":{"enum":["skip","queue","replace"]},"jitter_seconds":{"type":"integer"},"catch_up_seconds":{"type":"integer"},"next":{"type":["string","null"]},"paused":{"type":["object","null"]}}},
"Decision": {"type":"object","properties":{"comment":{"type":"string"}},"additionalProperties":false},
"ExpectedRun": {"type":"object","required":["id","resource","due_at","status"],"properties":{"id":{"type":"string"},"resource":{"type":"string"},"due_at":{"type":"string"},"start_at":{"type":"string"},"origin":{"enum":["schedule","trigger","backfill"]},"reason":{"type":["string","null"]},"status":{"enum":["expected","started","completed","partial","failed","missed","skipped"]}}},
"AuditEntry": {"type":"object","required":["id","at","actor","action"],"properties":{"id":{"type":"integer"},"at":{"type":"string"},"actor":{"type":"string"},"action":{"type":"string"}}},
"KeyRequest": {"type":"object","required":["name","scopes"],"properties":{"name":{"type":"string"},"scopes":{"type":"array","items":{"type":"string"}}},"additionalProperties":false},
"ApiKey": {"type":"object","required":["id","name","scopes"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"scopes":{"type":"array","items":{"type":"string"}},"key":{"type":"string"}}},
"SystemRequest": {"type":"object","required":["name","type","address"],"properties":{"kind":{"const":"system"},"name":{"type":"string"},"type":{"enum":["ontap","active-iq"]},"address":{"type":"string"},"user":{"type":"string"},"password":{"type":"string","description":"kept by the server in a file of its own"},"password_file":{"type":"string"},"client_secret":{"type":"string"},"oauth2":{"type":"object","required":["token_url","client_id"],"properties":{"token_url":{"type":"string"},"client_id":{"type":"string"},"client_secret_file":{"type":"string"},"scope":{"type":"string"},"ca_file":{"type":"string"}},"additionalProperties":false},"certificate":{"type":"object","required":["cert_file","key_file"],"properties":{"cert_file":{"type":"string"},"key_file":{"type":"string"}},"additionalProperties":false},"tls":{"type":"object","properties":{"ca_file":{"type":"string"},"pin":{"type":"string"},"insecure":{"type":"boolean"}},"additionalProperties":false},"mounts":{"type":"object","description":"svm:/junction or cluster/svm:/junction to a local directory"},"max_requests":{"type":"integer","minimum":1,"maximum":64}},"additionalProperties":false},
"System": {"type":"object","required":["id","name","type","address"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"type":{"enum":["ontap","active-iq"]},"address":{"type":"string"},"login":{"enum":["basic","oauth2","certificate"]},"mounts":{"type":["object","null"]},"created_at":{"type":"string"},"asked_at":{"type":["string","null"]},"problem":{"type":["string","null"]}}},
"ConnectionReport": {"type":"object","required":["good","checks"],"properties":{"system":{"type":"string"},"good":{"type":"boolean"},"checks":{"type":"array","items":{"type":"object","required":["name","good"],"properties":{"name":{"type":"string"},"good":{"type":"boolean"},"detail":{"type":"string"},"advice":{"type":"string"}}}}}},
"StorageEvent": {"type":"object","required":["id","source","name","severity"],"properties":{"id":{"type":"string"},"source":{"enum":["ems","active-iq"]},"system":{"type":"string"},"cluster":{"type":"string"},"name":{"type":"string"},"severity":{"type":"string"},"text":{"type":"string"},"resource":{"type":"string"},"state":{"type":["string","null"]},"annotation":{"type":"string"},"time":{"type":["string","null"]}}},
"Finding": {"type":"object","required":["kind","object","detail"],"properties":{"kind":{"enum":["foreign_snapshots","unknown_point","leaked_clone","foreign_relation","unhealthy_relation","direction_changed","broken_mirror","mirror_base","unsplit_volume"]},"cluster":{"type":"string"},"object":{"type":"string"},"detail":{"type":"string"},"names":{"type":"array","items":{"type":"string"},"description":"the snapshots that it is about, newest first"}}},
"Adoption": {"type":"object","required":["object"],"properties":{"object":{"type":"string","description":"as findings name it: svm:volume/snapshot, or SOURCE -> DESTINATION"},"cluster":{"type":"string","description":"where several have the SVM"}},"additionalProperties":false},
"EventNote": {"type":"object","required":["annotation"],"properties":{"annotation":{"type":"string"}},"additionalProperties":false},
"Agent": {"type":"object","required":["id","name","state"],"properties":{"id":{"type":"string"},"name":{"type":"string"},"labels":{"type":"object"},"state":{"enum":["online","silent","never_seen"]},"version":{"type":"string"},"host":{"type":"string"},"address":{"type":"string"},"repositories":{"type":"array","items":{"type":"string"}},"resources":{"type":"array","items":{"type":"string"}},"created_at":{"type":"string"},"last_seen_at":{"type":["string","null"]},"key":{"type":"string"}}},
"AgentRequest": {"type":"object","required":["name"],"properties":{"name":{"type":"string"},"labels":{"type":"object"}},"additionalProperties":false},
"AgentPoll": {"type":"object","required":["instance"],"properties":{"instance":{"type":"string"},"version":{"type":"string"},"host":{"type":"string"},"activities":{"type":"array","items":{"type":"string"}},"repositories":{"type":"array","items":{"type":"string"}},"wait_ms":{"type":"integer","minimum":0,"maximum":60000}}},
"AgentTask": {"type":"object","required":["token","type","input","activity_id","run_id","workflow_id"],"properties":{"token":{"type":"string"},"type":{"type":"string"},"input":{},"details":{},"activity_id":{"type":"string"},"run_id":{"type":"string"},"workflow_id":{"type":"string"},"workflow":{"type":"string"},"queue":{"type":"string"},"attempt":{"type":"integer"},"priority":{"type":"integer"},"scheduled_at":{"type":"string"},"remaining_ms":{"type":["integer","null"]},"heartbeat_timeout_ms":{"type":"integer"},"header":{"type":"object"}}},
"AgentHeartbeat": {"type":"object","required":["token"],"properties":{"token":{"type":"string"},"details":{}},"additionalProperties":false},
"AgentHeartbeatAnswer": {"type":"object","required":["stop"],"properties":{"stop":{"enum":[null,"cancelled"]}}},
"AgentOutcome": {"type":"object","required":["token"],"properties":{"token":{"type":"string"},"result":{},"error":{"type":"object","properties":{"code":{"type":"string"},"message":{"type":"string"},"retry":{"enum":["permanent","transient","unknown"]},"context":{"type":"array"},"cause":{"type":"object"}}}},"additionalProperties":false}
})json";

constexpr std::string_view kDocuments = R"json({
"system": {"type":"object","required":["kind","name","type","address"],"properties":{"kind":{"const":"system"},"name":{"type":"string"},"type":{"enum":["ontap","active-iq"]},"address":{"type":"string"},"user":{"type":"string"},"password_file":{"type":"string"},"oauth2":{"type":"object","required":["token_url","client_id"],"properties":{"token_url":{"type":"string"},"client_id":{"type":"string"},"client_secret_file":{"type":"string"},"scope":{"type":"string"},"ca_file":{"type":"string"}},"additionalProperties":false},"certificate":{"type":"object","required":["cert_file","key_file"],"properties":{"cert_file":{"type":"string"},"key_file":{"type":"string"}},"additionalProperties":false},"tls":{"type":"object","properties":{"ca_file":{"type":"string"},"pin":{"type":"string"},"insecure":{"type":"boolean"}},"additionalProperties":false},"mounts":{"type":"object","description":"svm:/junction or cluster/svm:/junction to a local directory"},"max_requests":{"type":"integer","minimum":1,"maximum":64}},"additionalProperties":false},
"resource": {"type":"object","required":["kind","name","path"],"properties":{"kind":{"const":"resource"},"name":{"type":"string"},"path":{"type":"string"},"policy":{"type":"string"},"labels":{"type":"object"},"quiesce_command":{"type":"string"},"release_command":{"type":"string"},"probe_command":{"type":"string"},"consistency_group":{"type":"string"},"agent":{"type":"string"},"driver":{"enum":["directory","btrfs","ontap"]}},"additionalProperties":false},
"repository": {"type":"object","required":["kind","name","location"],"properties":{"kind":{"const":"repository"},"name":{"type":"string"},"location":{"type":"string"},"replica_of":{"type":"string"}},"additionalProperties":false},
"channel": {"type":"object","required":["kind","name","type"],"properties":{"kind":{"const":"channel"},"name":{"type":"string"},"type":{"enum":["log","webhook"]},"url":{"type":"string"},"secret_file":{"type":"string"},"file":{"type":"string"},"events":{"type":"array","items":{"type":"string"}},"min_severity":{"enum":["info","warning","error"]}},"additionalProperties":false},
"policy": {"type":"object","required":["kind","name"],"properties":{"kind":{"const":"policy"},"name":{"type":"string"},"timezone":{"type":"string"},"overlap":{"enum":["skip","queue","replace"]},"jitter":{"type":"string"},"catch_up":{"type":"string"},"paused":{"type":"boolean"},"schedules":{"type":"array"},"levels":{"type":"array","items":{"type":"object","required":["level"],"properties":{"level":{"enum":["local_snapshot","local_replica","remote_replica","cloud_backup","archive"]},"repository":{"type":"string"},"destination":{"type":"string","description":"CLUSTER/svm:volume, or STORE:/objstore for cloud_backup"},"mirror_policy":{"type":"string"},"transfer_schedule":{"type":"string","description":"of a relationship that is made: a schedule of its cluster, or five fields of cron"},"lock":{"type":"string"}}}},"rpo":{"type":"string"},"rto":{"type":"string"},"proof":{"type":"object","properties":{"level":{"enum":["L1","L2","L3","L4"]},"interval":{"type":"string"}}},"consistency":{"enum":["none","crash","application"]},"channels":{"type":"array","items":{"type":"string"}},"selector":{"type":"object"},"steps":{"type":"array"},"approval":{"type":"object","properties":{"four_eyes":{"type":"boolean"}}}},"additionalProperties":false},
"scheduled_backup": {"type":"object","required":["workflow_name","schedules"],"properties":{"workflow_name":{"const":"scheduled_backup"},"name":{"type":"string"},"trigger":{"type":"string"},"timezone":{"type":"string"},"overlap":{"enum":["skip","queue","replace"]},"jitter":{"type":"string"},"catch_up":{"type":"string"},"paused":{"type":"boolean"},"schedules":{"type":"array","items":{"type":"object"}},"steps":{"type":"array","items":{"type":"object"}}}}
})json";

Json parsed(std::string_view text) {
  Result<Json> value = parse_json(text);
  return value ? *std::move(value) : Json();
}

const JsonObject& shapes() {
  static const Json value = parsed(kShapes);
  return value.get_object();
}

Json reference(std::string_view name) {
  return JsonObject{{"$ref", "#/components/schemas/" + std::string(name)}};
}

Json response_schema(std::string_view name) {
  constexpr std::string_view kList = "list:";
  if (!name.starts_with(kList)) {
    return reference(name);
  }
  return JsonObject{
      {"type", "object"},
      {"required", JsonArray{"items", "next_cursor"}},
      {"properties",
       JsonObject{{"items",
                   JsonObject{{"type", "array"}, {"items", reference(name.substr(kList.size()))}}},
                  {"next_cursor", JsonObject{{"type", JsonArray{"string", "null"}}}}}}};
}

JsonObject json_content(Json schema) {
  return {{"application/json", JsonObject{{"schema", std::move(schema)}}}};
}

JsonObject parameter(std::string_view name, std::string_view in) {
  return {{"name", name},
          {"in", in},
          {"required", in == "path"},
          {"schema", JsonObject{{"type", "string"}}}};
}

JsonArray parameters(const Route& route) {
  JsonArray list;
  for (size_t open = route.path.find('{'); open != std::string_view::npos;
       open = route.path.find('{', open + 1)) {
    list.push_back(
        parameter(route.path.substr(open + 1, route.path.find('}', open) - open - 1), "path"));
  }
  std::string_view rest = route.query;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    list.push_back(parameter(name, "query"));
  }
  return list;
}

JsonObject success(const Route& route) {
  JsonObject answer{{"description", "success"}};
  if (!route.response.empty()) {
    answer["content"] = json_content(response_schema(route.response));
  } else {
    const bool events = route.path.ends_with("/events");
    answer["content"] = JsonObject{{events ? "text/event-stream" : "text/plain", JsonObject{}}};
  }
  return answer;
}

JsonObject operation(const Route& route) {
  JsonObject problem{{"description", "problem details (RFC 9457)"},
                     {"content", JsonObject{{"application/problem+json",
                                             JsonObject{{"schema", reference("Problem")}}}}}};
  JsonObject result{{"operationId", route.operation},
                    {"summary", route.summary},
                    {"parameters", parameters(route)},
                    {"responses", JsonObject{{std::to_string(route.status), success(route)},
                                             {"default", std::move(problem)}}}};
  if (!route.request.empty()) {
    result["requestBody"] =
        JsonObject{{"required", route.request != "Decision" && route.request != "Any" &&
                                    route.path != "/v1/runs/{id}/terminate"},
                   {"content", json_content(reference(route.request))}};
  }
  result["security"] =
      route.scope.empty() ? JsonArray{} : JsonArray{JsonObject{{"apiKey", JsonArray{route.scope}}}};
  return result;
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

const Json* shape(std::string_view name) { return shapes().if_contains(name); }

const JsonObject& document_schemas() {
  static const Json value = parsed(kDocuments);
  return value.get_object();
}

Json openapi() {
  JsonObject paths;
  for (const Route& route : kRoutes) {
    std::string method(route.method);
    for (char& c : method) {
      c = static_cast<char>(c - 'A' + 'a');
    }
    Json& path = paths[route.path];
    if (path.is_null()) {
      path = JsonObject{};
    }
    path.get_object()[method] = operation(route);
  }
  JsonObject key{
      {"type", "http"}, {"scheme", "bearer"}, {"description", "an API key of the server"}};
  return JsonObject{
      {"openapi", "3.1.0"},
      {"info",
       JsonObject{{"title", "Holdfast"},
                  {"version", HOLDFAST_VERSION},
                  {"description", "Backup and recovery with proof."},
                  {"license", JsonObject{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", JsonArray{JsonObject{{"url", "/"}}}},
      {"paths", std::move(paths)},
      {"components", JsonObject{{"schemas", shapes()},
                                {"securitySchemes", JsonObject{{"apiKey", std::move(key)}}}}}};
}

}  // namespace holdfast::wire

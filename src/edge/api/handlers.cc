#include "edge/api/handlers.h"

#include <array>
#include <utility>

namespace holdfast::api {
namespace {

constexpr auto kHandlers = std::to_array<std::pair<std::string_view, Handler>>({
    {"applyDocument", apply_document},
    {"listSchemas", list_schemas},
    {"getSchema", get_schema},
    {"getOpenApi", get_openapi},
    {"listResources", list_resources},
    {"addResource", add_resource},
    {"getResource", get_resource},
    {"removeResource", remove_resource},
    {"listRepositories", list_repositories},
    {"addRepository", add_repository},
    {"getRepository", get_repository},
    {"getRepositoryPassword", repository_password},
    {"listPolicies", list_policies},
    {"getPolicy", get_policy},
    {"listChannels", list_channels},
    {"testChannel", test_channel},
    {"listWorkflows", list_workflows},
    {"startWorkflow", start_workflow},
    {"listRuns", list_runs},
    {"getRun", get_run},
    {"getRunHistory", run_history},
    {"cancelRun", cancel_run},
    {"signalRun", signal_run},
    {"queryRun", query_run},
    {"terminateRun", terminate_run},
    {"retryRun", retry_run},
    {"resetRun", reset_run},
    {"countRuns", count_runs},
    {"listPoints", list_points},
    {"getPoint", get_point},
    {"listPointFiles", list_point_files},
    {"listApprovals", list_approvals},
    {"getApproval", get_approval},
    {"approve", approve_approval},
    {"deny", deny_approval},
    {"listSchedules", list_schedules},
    {"getSchedule", get_schedule},
    {"pauseSchedule", pause_schedule},
    {"resumeSchedule", resume_schedule},
    {"triggerSchedule", trigger_schedule},
    {"backfillSchedule", backfill_schedule},
    {"nextRuns", next_runs},
    {"listExpectedRuns", list_expected_runs},
    {"getStatus", get_status},
    {"getDoctor", get_doctor},
    {"listAudit", list_audit},
    {"listKeys", list_keys},
    {"addKey", add_key},
    {"revokeKey", revoke_key},
    {"listAgents", list_agents},
    {"addAgent", add_agent},
    {"getAgent", get_agent},
    {"removeAgent", remove_agent},
    {"pollAgentTask", poll_agent_task},
    {"heartbeatAgentTask", heartbeat_agent_task},
    {"completeAgentTask", complete_agent_task},
    {"listSystems", list_systems},
    {"addSystem", add_system},
    {"getSystem", get_system},
    {"removeSystem", remove_system},
    {"testSystem", test_system},
    {"getSystemInventory", system_inventory},
    {"listSystemEvents", system_events},
    {"acknowledgeSystemEvent", acknowledge_system_event},
    {"annotateSystemEvent", annotate_system_event},
    {"getSystemCapacity", system_capacity},
    {"listSystemFindings", system_findings},
    {"adoptOnSystem", adopt_on_system},
    {"cleanSystem", clean_system},
});

}  // namespace

Handler find_handler(std::string_view operation) {
  for (const auto& [name, handler] : kHandlers) {
    if (name == operation) {
      return handler;
    }
  }
  return nullptr;
}

}  // namespace holdfast::api

// The handlers, one per route of wire::routes(), found by the route's operation.
#pragma once

#include <string_view>

#include "edge/api/call.h"
#include "edge/api/views.h"

namespace holdfast::api {

// Null for an operation without a JSON handler (health, metrics and event streams are the
// gateway's).
Handler find_handler(std::string_view operation);

// The newest usable point, the proofs and the policy of a resource.
Result<Protection> protection_of(db::Connection& sql, const inventory::Resource& resource,
                                 const std::string& zone);
// One run with its approval, as the API shows it.
async::Co<Result<Json>> load_run(const protect::Services* services, std::string id);

// Handlers by noun.
async::Co<Result<Json>> apply_document(Call call);
async::Co<Result<Json>> list_schemas(Call call);
async::Co<Result<Json>> get_schema(Call call);
async::Co<Result<Json>> get_openapi(Call call);
async::Co<Result<Json>> list_resources(Call call);
async::Co<Result<Json>> add_resource(Call call);
async::Co<Result<Json>> get_resource(Call call);
async::Co<Result<Json>> remove_resource(Call call);
async::Co<Result<Json>> list_repositories(Call call);
async::Co<Result<Json>> add_repository(Call call);
async::Co<Result<Json>> get_repository(Call call);
async::Co<Result<Json>> repository_password(Call call);
async::Co<Result<Json>> list_policies(Call call);
async::Co<Result<Json>> get_policy(Call call);
async::Co<Result<Json>> list_channels(Call call);
async::Co<Result<Json>> test_channel(Call call);
async::Co<Result<Json>> list_workflows(Call call);
async::Co<Result<Json>> start_workflow(Call call);
async::Co<Result<Json>> list_runs(Call call);
async::Co<Result<Json>> get_run(Call call);
async::Co<Result<Json>> run_history(Call call);
async::Co<Result<Json>> cancel_run(Call call);
async::Co<Result<Json>> signal_run(Call call);
async::Co<Result<Json>> query_run(Call call);
async::Co<Result<Json>> terminate_run(Call call);
async::Co<Result<Json>> retry_run(Call call);
async::Co<Result<Json>> reset_run(Call call);
async::Co<Result<Json>> count_runs(Call call);
async::Co<Result<Json>> list_points(Call call);
async::Co<Result<Json>> get_point(Call call);
async::Co<Result<Json>> list_point_files(Call call);
async::Co<Result<Json>> list_approvals(Call call);
async::Co<Result<Json>> get_approval(Call call);
async::Co<Result<Json>> approve_approval(Call call);
async::Co<Result<Json>> deny_approval(Call call);
async::Co<Result<Json>> list_schedules(Call call);
async::Co<Result<Json>> get_schedule(Call call);
async::Co<Result<Json>> pause_schedule(Call call);
async::Co<Result<Json>> resume_schedule(Call call);
async::Co<Result<Json>> trigger_schedule(Call call);
async::Co<Result<Json>> backfill_schedule(Call call);
async::Co<Result<Json>> next_runs(Call call);
async::Co<Result<Json>> list_expected_runs(Call call);
async::Co<Result<Json>> get_status(Call call);
async::Co<Result<Json>> get_doctor(Call call);
async::Co<Result<Json>> list_audit(Call call);
async::Co<Result<Json>> list_keys(Call call);
async::Co<Result<Json>> add_key(Call call);
async::Co<Result<Json>> revoke_key(Call call);
async::Co<Result<Json>> list_agents(Call call);
async::Co<Result<Json>> add_agent(Call call);
async::Co<Result<Json>> get_agent(Call call);
async::Co<Result<Json>> remove_agent(Call call);
async::Co<Result<Json>> poll_agent_task(Call call);
async::Co<Result<Json>> heartbeat_agent_task(Call call);
async::Co<Result<Json>> complete_agent_task(Call call);
async::Co<Result<Json>> list_systems(Call call);
async::Co<Result<Json>> add_system(Call call);
async::Co<Result<Json>> get_system(Call call);
async::Co<Result<Json>> remove_system(Call call);
async::Co<Result<Json>> test_system(Call call);
async::Co<Result<Json>> system_inventory(Call call);
async::Co<Result<Json>> system_events(Call call);
async::Co<Result<Json>> acknowledge_system_event(Call call);
async::Co<Result<Json>> annotate_system_event(Call call);
async::Co<Result<Json>> system_capacity(Call call);
async::Co<Result<Json>> system_findings(Call call);
async::Co<Result<Json>> adopt_on_system(Call call);
async::Co<Result<Json>> clean_system(Call call);

}  // namespace holdfast::api

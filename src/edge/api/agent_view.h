// Agents as the API shows them, and why a task of theirs waits. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "domain/access/agents.h"
#include "domain/inventory/model.h"
#include "flow/client.h"

namespace holdfast::api {

// "online": it asks for tasks now, or said something a moment ago; "silent"; "never_seen".
std::string_view agent_state(const access::Agent& agent, bool asks_now, UtcTime now);
Json agent_view(const access::Agent& agent, const std::vector<inventory::Resource>& resources,
                bool asks_now, UtcTime now);

// The name of the agent whose task this is, while it waits for that agent; nullopt else.
std::optional<std::string> awaited_agent(const flow::PendingActivity& activity);
// Why the task waits, one phrase; empty: the agent asks and will have it in a moment. `agent` is
// nullopt when there is none of this name.
std::string why_agent_waits(const std::string& name, const std::optional<access::Agent>& agent,
                            bool asks_now, UtcTime now);

}  // namespace holdfast::api

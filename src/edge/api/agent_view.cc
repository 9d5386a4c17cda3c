#include "edge/api/agent_view.h"

#include <fmt/core.h>

#include "edge/api/agent_tasks.h"

namespace holdfast::api {
namespace {

constexpr std::string_view kQueuePrefix = "agent:";

}  // namespace

std::string_view agent_state(const access::Agent& agent, bool asks_now, UtcTime now) {
  if (asks_now || (agent.last_seen_at && now - *agent.last_seen_at < kAgentSilent)) {
    return "online";
  }
  return agent.last_seen_at ? "silent" : "never_seen";
}

Json agent_view(const access::Agent& agent, const std::vector<inventory::Resource>& resources,
                bool asks_now, UtcTime now) {
  JsonObject labels;
  for (const auto& [name, value] : agent.labels) {
    labels[name] = value;
  }
  JsonArray bound;
  for (const inventory::Resource& resource : resources) {
    if (resource.agent == agent.name) {
      bound.push_back(Json(resource.name));
    }
  }
  const auto& repositories = agent.facts.repositories;
  return JsonObject{
      {"id", agent.id},
      {"name", agent.name},
      {"labels", std::move(labels)},
      {"state", agent_state(agent, asks_now, now)},
      {"version", agent.facts.version},
      {"host", agent.facts.host},
      {"address", agent.facts.address},
      {"repositories", JsonArray(repositories.begin(), repositories.end())},
      {"resources", std::move(bound)},
      {"created_at", to_rfc3339(agent.created_at)},
      {"last_seen_at", agent.last_seen_at ? Json(to_rfc3339(*agent.last_seen_at)) : Json()}};
}

std::optional<std::string> awaited_agent(const flow::PendingActivity& activity) {
  const bool waits = activity.state == "scheduled" || activity.state == "backing_off";
  if (!waits || !activity.queue.starts_with(kQueuePrefix)) {
    return std::nullopt;
  }
  return activity.queue.substr(kQueuePrefix.size());
}

std::string why_agent_waits(const std::string& name, const std::optional<access::Agent>& agent,
                            bool asks_now, UtcTime now) {
  if (!agent) {
    return fmt::format(
        "there is no agent \"{}\" any more: add it again, or bind the resource to "
        "another one",
        name);
  }
  if (asks_now) {
    return "";
  }
  if (!agent->last_seen_at) {
    return fmt::format(
        "no agent \"{}\" asks for tasks (never seen: start 'holdfast agent run' on "
        "its host)",
        name);
  }
  const std::string seen = to_rfc3339(*agent->last_seen_at);
  return now - *agent->last_seen_at < kAgentSilent
             ? fmt::format("agent \"{}\" has no free place, or just went away (last seen {})", name,
                           seen)
             : fmt::format("no agent \"{}\" asks for tasks (last seen {})", name, seen);
}

}  // namespace holdfast::api

// Agents: workers on other hosts. Each has a name, a key of its own and a row that says when it was
// last seen.
//
// Functions on a connection, so that the audit row of a change is written in its transaction. A
// removed agent keeps its row, so that its id is never given to another one; its name is free
// again.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/secret.h"
#include "core/db/database.h"
#include "core/env/random.h"
#include "domain/access/keys.h"

namespace holdfast::access {

// The key of agent NAME is named agent:NAME; no other key's name may begin so.
inline constexpr std::string_view kAgentKeyPrefix = "agent:";

// What an agent says about itself with each request for tasks.
struct AgentFacts {
  std::string version;
  std::string host;
  std::string address;                    // of its connection, as the server sees it
  std::vector<std::string> repositories;  // names that its configuration resolves
  bool operator==(const AgentFacts&) const = default;
};

struct Agent {
  std::string id;  // agt_...
  std::string name;
  std::map<std::string, std::string> labels;
  std::string key_id;
  AgentFacts facts;
  UtcTime created_at;
  std::optional<UtcTime> last_seen_at;  // nullopt: never

  std::string queue() const { return "agent:" + name; }
};

// Makes the agent and its key, whose scope is `agent` alone. kAlreadyExists: the name is taken.
Status add_agent(db::Connection& sql, const Agent& agent, const SecretString& key);
// Revokes its key too. kNotFound: no such agent.
Result<Agent> remove_agent(db::Connection& sql, const std::string& id_or_name, UtcTime now);
Result<Agent> find_agent(db::Connection& sql, const std::string& id_or_name);
// By name.
Result<std::vector<Agent>> list_agents(db::Connection& sql);
// Whose key this is; kPermissionDenied when it is no agent's.
Result<Agent> agent_of_key(db::Connection& sql, const std::string& key_id);
Status note_agent_seen(db::Connection& sql, const std::string& id, const AgentFacts& facts,
                       UtcTime now);

// 32 bytes that only this state database holds, made at first use: what the server signs with.
Result<Buffer> server_secret(db::Connection& sql, const std::string& name, env::Random& random);

}  // namespace holdfast::access

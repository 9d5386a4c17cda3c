#include "domain/access/agents.h"

#include <fmt/core.h>

#include <array>

#include "core/base/json.h"

namespace holdfast::access {
namespace {

constexpr std::string_view kColumns =
    "id, name, labels, key_id, version, host, address, repositories, created_at, last_seen_at";

std::string labels_text(const std::map<std::string, std::string>& labels) {
  JsonObject object;
  for (const auto& [name, value] : labels) {
    object[name] = value;
  }
  return to_text(object);
}

Agent agent_from(const db::Row& row) {
  Agent agent;
  agent.id = row.text(0);
  agent.name = row.text(1);
  if (const auto labels = parse_json(row.text(2)); labels && labels->is_object()) {
    for (const auto& field : labels->get_object()) {
      agent.labels[field.key()] = get_string(*labels, field.key());
    }
  }
  agent.key_id = row.text(3);
  agent.facts.version = row.text(4);
  agent.facts.host = row.text(5);
  agent.facts.address = row.text(6);
  if (const auto names = parse_json(row.text(7)); names && names->is_array()) {
    for (const Json& name : names->get_array()) {
      if (name.is_string()) {
        agent.facts.repositories.emplace_back(name.get_string());
      }
    }
  }
  agent.created_at = row.time(8);
  agent.last_seen_at = row.optional_time(9);
  return agent;
}

}  // namespace

Status add_agent(db::Connection& sql, const Agent& agent, const SecretString& key) {
  HF_TRY(const auto same,
         sql.one("SELECT id FROM agents WHERE name = ?1 AND removed_at IS NULL", agent.name));
  if (same) {
    return Error(Code::kAlreadyExists,
                 fmt::format("there is an agent '{}' already: remove it first when its key is lost",
                             agent.name));
  }
  const ApiKey own{agent.key_id, std::string(kAgentKeyPrefix) + agent.name, Scopes{Scope::kAgent},
                   agent.created_at, std::nullopt};
  HF_TRY_VOID(status_of(add_key(sql, own, key)));
  return status_of(
      sql.exec("INSERT INTO agents(id, name, labels, key_id, version, host, address, repositories, "
               "created_at) VALUES (?1,?2,?3,?4,'','','','[]',?5)",
               agent.id, agent.name, labels_text(agent.labels), agent.key_id, agent.created_at));
}

Result<Agent> remove_agent(db::Connection& sql, const std::string& id_or_name, UtcTime now) {
  HF_TRY(Agent agent, find_agent(sql, id_or_name));
  HF_TRY_VOID(status_of(revoke_key(sql, agent.key_id, now)));
  HF_TRY_VOID(sql.exec("UPDATE agents SET removed_at = ?2 WHERE id = ?1", agent.id, now));
  return agent;
}

Result<Agent> find_agent(db::Connection& sql, const std::string& id_or_name) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM agents WHERE (id = ?1 OR name = ?1) AND removed_at IS "
                             "NULL",
                             kColumns),
                 id_or_name));
  if (!row) {
    return Error(Code::kNotFound,
                 fmt::format("there is no agent '{}': see 'holdfast agent list'", id_or_name));
  }
  return agent_from(*row);
}

Result<std::vector<Agent>> list_agents(db::Connection& sql) {
  HF_TRY(const auto rows,
         sql.all(fmt::format("SELECT {} FROM agents WHERE removed_at IS NULL ORDER BY name",
                             kColumns)));
  std::vector<Agent> agents;
  for (const db::Row& row : rows) {
    agents.push_back(agent_from(row));
  }
  return agents;
}

Result<Agent> agent_of_key(db::Connection& sql, const std::string& key_id) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM agents WHERE key_id = ?1 AND removed_at IS NULL",
                             kColumns),
                 key_id));
  if (!row) {
    return Error(Code::kPermissionDenied,
                 "this key is no agent's: 'holdfast agent add NAME' makes one");
  }
  return agent_from(*row);
}

Status note_agent_seen(db::Connection& sql, const std::string& id, const AgentFacts& facts,
                       UtcTime now) {
  const JsonArray repositories(facts.repositories.begin(), facts.repositories.end());
  return status_of(
      sql.exec("UPDATE agents SET version = ?2, host = ?3, address = ?4, repositories = ?5, "
               "last_seen_at = ?6 WHERE id = ?1",
               id, facts.version, facts.host, facts.address, to_text(repositories), now));
}

Result<Buffer> server_secret(db::Connection& sql, const std::string& name, env::Random& random) {
  HF_TRY(const auto row, sql.one("SELECT value FROM server_secrets WHERE name = ?1", name));
  if (row) {
    return from_hex(row->text(0));
  }
  std::array<std::uint8_t, 32> bytes{};
  random.fill(bytes);
  HF_TRY_VOID(
      sql.exec("INSERT INTO server_secrets(name, value) VALUES (?1, ?2)", name, to_hex(bytes)));
  return Buffer(bytes.begin(), bytes.end());
}

}  // namespace holdfast::access

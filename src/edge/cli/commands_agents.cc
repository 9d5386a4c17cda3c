// Commands: agent add, list, show, remove. `agent run` is the agent itself (args.cc).
#include <fmt/core.h>

#include "edge/cli/command.h"
#include "edge/cli/session.h"

namespace holdfast::cli {
namespace {

Result<int> agent_add(Session& session, const Arguments& arguments) {
  HF_TRY(JsonObject labels, labels_of(arguments));
  HF_TRY(const Json made, session.post("/v1/agents", JsonObject{{"name", arguments.get("NAME")},
                                                                {"labels", std::move(labels)}}));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(made);
    return 0;
  }
  session.console().line(get_string(made, "key"));
  session.console().note(
      "this is the only time the key is shown: put it into a file on the agent's host (mode 0600), "
      "then run 'holdfast agent run --token-file FILE' there");
  return 0;
}

Result<int> agent_list(Session& session, const Arguments&) {
  HF_TRY(const Json items, session.list("/v1/agents"));
  session.console().list({{"NAME", "name"},
                          {"STATE", "state"},
                          {"LAST SEEN", "last_seen_at"},
                          {"HOST", "host"},
                          {"VERSION", "version"},
                          {"RESOURCES", "resources"}},
                         items);
  return 0;
}

Result<int> agent_show(Session& session, const Arguments& arguments) {
  HF_TRY(const Json agent, session.get("/v1/agents/" + url_encode(arguments.get("NAME"))));
  session.console().object(agent);
  return 0;
}

Result<int> agent_remove(Session& session, const Arguments& arguments) {
  HF_TRY(const Json gone, session.remove("/v1/agents/" + url_encode(arguments.get("NAME"))));
  std::string bound;
  const Json* resources = find(gone, "resources");
  for (size_t i = 0; resources != nullptr && i < resources->get_array().size(); ++i) {
    bound += (bound.empty() ? "" : ", ") + std::string(resources->get_array()[i].get_string());
  }
  session.console().answer(
      gone, fmt::format("the key of agent '{}' no longer works", get_string(gone, "name")));
  if (!bound.empty() && session.console().format() == OutputFormat::kTable) {
    session.console().note(
        fmt::format("its resources cannot be backed up until they have another agent: {}", bound));
  }
  return 0;
}

}  // namespace

std::vector<Command> agent_commands() {
  return {
      {"agent add",
       "Make an agent; its key is shown once",
       {{"NAME", "Its name"}},
       {{"--label", "NAME=VALUE", "A label", true}},
       agent_add},
      {"agent list", "Agents and when they were last seen", {}, {}, agent_list},
      {"agent show", "One agent", {{"NAME", "Name or id"}}, {}, agent_show},
      {"agent remove",
       "Revoke an agent's key; it stops by itself",
       {{"NAME", "Name or id"}},
       {},
       agent_remove},
  };
}

}  // namespace holdfast::cli

// Commands: status, doctor, audit, key, version, completion.
#include <fmt/core.h>

#include "edge/cli/command.h"
#include "edge/cli/completion.h"
#include "edge/cli/session.h"

namespace holdfast::cli {
namespace {

Result<int> status(Session& session, const Arguments&) {
  HF_TRY(const Json answer, session.get("/v1/status"));
  Console& console = session.console();
  if (console.format() != OutputFormat::kTable) {
    console.object(answer);
    return 0;
  }
  console.line(fmt::format(
      "{} resources: {} proven, {} covered, {} unproven, {} without a point; RPO missed by {}; {} "
      "approvals wait{}",
      get_int(answer, "resources"), get_int(answer, "proven"), get_int(answer, "covered"),
      get_int(answer, "unproven"), get_int(answer, "without_points"), get_int(answer, "rpo_missed"),
      get_int(answer, "approvals_pending"),
      get_int(answer, "agents") == 0
          ? ""
          : fmt::format("; {} of {} agents online", get_int(answer, "agents_online"),
                        get_int(answer, "agents"))));
  const Json* items = find(answer, "items");
  if (items != nullptr && !items->get_array().empty()) {
    console.list({{"RESOURCE", "resource"},
                  {"STATE", "state"},
                  {"PROOF", "proof_level"},
                  {"PROVEN AT", "proof_at"},
                  {"NEWEST POINT", "newest_point_at"},
                  {"AGE", "rpo_actual_seconds"},
                  {"RPO", "rpo_target_seconds"},
                  {"RPO MET", "rpo_met"},
                  {"POLICY", "policy"}},
                 *items);
  }
  return 0;
}

Result<int> doctor(Session& session, const Arguments&) {
  HF_TRY(const Json answer, session.get("/v1/doctor"));
  const Json* items = find(answer, "items");
  Console& console = session.console();
  if (console.format() != OutputFormat::kTable) {
    console.list({}, *items);
  } else if (get_bool(answer, "healthy")) {
    console.line("nothing is wrong");
  } else {
    console.list({{"SEVERITY", "severity"},
                  {"WHERE", "where"},
                  {"WHAT", "what"},
                  {"WHAT TO DO", "what_to_do"}},
                 *items);
  }
  for (const Json& item : items->get_array()) {
    if (get_string(item, "severity") == "error") {
      return 1;
    }
  }
  return 0;
}

Result<int> audit(Session& session, const Arguments&) {
  HF_TRY(const Json items, session.list("/v1/audit"));
  session.console().list({{"ID", "id"},
                          {"AT", "at"},
                          {"ACTOR", "actor"},
                          {"ACTION", "action"},
                          {"TARGET", "target"},
                          {"DETAIL", "detail"}},
                         items);
  return 0;
}

Result<int> key_list(Session& session, const Arguments&) {
  HF_TRY(const Json items, session.list("/v1/keys"));
  session.console().list({{"ID", "id"},
                          {"NAME", "name"},
                          {"SCOPES", "scopes"},
                          {"CREATED", "created_at"},
                          {"REVOKED", "revoked_at"}},
                         items);
  return 0;
}

Result<int> key_add(Session& session, const Arguments& arguments) {
  const auto scopes = arguments.all("--scope");
  HF_TRY(const Json made,
         session.post("/v1/keys", JsonObject{{"name", arguments.get("NAME")},
                                             {"scopes", JsonArray(scopes.begin(), scopes.end())}}));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(made);
    return 0;
  }
  session.console().line(get_string(made, "key"));
  session.console().note("this is the only time the key is shown");
  return 0;
}

Result<int> key_revoke(Session& session, const Arguments& arguments) {
  HF_TRY(const Json gone, session.remove("/v1/keys/" + url_encode(arguments.get("KEY"))));
  session.console().answer(gone, fmt::format("key '{}' no longer works", get_string(gone, "name")));
  return 0;
}

Result<int> version(Session& session, const Arguments&) {
  session.console().answer(JsonObject{{"version", HOLDFAST_VERSION}},
                           std::string("holdfast ") + HOLDFAST_VERSION);
  return 0;
}

Result<int> completion(Session& session, const Arguments& arguments) {
  HF_TRY(const std::string script, completion_script(arguments.get("SHELL")));
  if (session.console().format() == OutputFormat::kTable) {
    session.console().text(script);
  } else {
    session.console().object(JsonObject{{"shell", arguments.get("SHELL")}, {"script", script}});
  }
  return 0;
}

}  // namespace

std::vector<Command> server_commands() {
  return {
      {"status", "How well everything is protected", {}, {}, status},
      {"doctor", "What is wrong and what to do", {}, {}, doctor},
      {"audit list", "Who changed what", {}, {}, audit},
      {"key list", "API keys", {}, {}, key_list},
      {"key add",
       "Make an API key; its text is shown once",
       {{"NAME", "Its name"}},
       {{"--scope", "SCOPE", "read, operate, recover, approve, configure, secrets, audit or admin",
         true, true}},
       key_add},
      {"key revoke", "Revoke a key", {{"KEY", "Name or id"}}, {}, key_revoke},
      {"version", "The version of this program", {}, {}, version},
      {"completion",
       "Completion for bash, zsh or fish",
       {{"SHELL", "bash, zsh or fish"}},
       {},
       completion},
  };
}

}  // namespace holdfast::cli

// Commands: apply, resource, repository, policy, channel, notify.
#include <fmt/core.h>

#include <filesystem>

#include "edge/cli/command.h"
#include "edge/cli/documents.h"
#include "edge/cli/session.h"

namespace holdfast::cli {
namespace {

Result<int> show(Session& session, const std::string& path) {
  HF_TRY(const Json value, session.get(path));
  session.console().object(value);
  return 0;
}

Result<int> list(Session& session, const std::string& path, const std::vector<Column>& columns) {
  HF_TRY(const Json items, session.list(path));
  session.console().list(columns, items);
  return 0;
}

std::string describe_applied(const Json& answer) {
  std::string text = fmt::format("{} '{}' {}", get_string(answer, "kind"),
                                 get_string(answer, "name"), get_string(answer, "action"));
  if (get_string(answer, "kind") == "policy") {
    text +=
        fmt::format(", version {}, binds {}", get_int(answer, "version"), get_int(answer, "binds"));
  }
  if (get_bool(answer, "dry_run")) {
    text += " (dry run: nothing was changed)";
  }
  if (const Json* warnings = find(answer, "warnings");
      warnings != nullptr && warnings->is_array()) {
    for (const Json& warning : warnings->get_array()) {
      text += "\n  note: " + std::string(warning.get_string());
    }
  }
  return text;
}

Result<int> apply(Session& session, const Arguments& arguments) {
  const std::string path = arguments.get("--file");
  HF_TRY(const auto documents, read_documents(path));
  JsonArray answers;
  for (const YamlDocument& document : documents) {
    const Json request =
        JsonObject{{"document", document.value},
                   {"policy", arguments.has("--policy") ? Json(arguments.get("--policy")) : Json()},
                   {"dry_run", arguments.has("--dry-run")}};
    auto answer = session.post("/v1/documents", request);
    if (!answer) {
      return at_lines(answer.error(), path, document, "/document");
    }
    if (session.console().format() == OutputFormat::kTable) {
      session.console().text(describe_applied(*answer));
    }
    answers.push_back(*std::move(answer));
  }
  if (session.console().format() != OutputFormat::kTable) {
    session.console().list({}, answers);
  }
  return 0;
}

Result<int> resource_add(Session& session, const Arguments& arguments) {
  HF_TRY(JsonObject labels, labels_of(arguments));
  std::error_code failure;
  const std::string path =
      arguments.has("--agent")
          ? arguments.get("--path")  // on another host, where this directory means nothing
          : std::filesystem::absolute(arguments.get("--path"), failure).lexically_normal().string();
  JsonObject body{{"name", arguments.get("NAME")}, {"path", path}, {"labels", std::move(labels)}};
  for (const auto& [option, field] : {std::pair{"--policy", "policy"},
                                      {"--quiesce-command", "quiesce_command"},
                                      {"--release-command", "release_command"},
                                      {"--probe-command", "probe_command"},
                                      {"--consistency-group", "consistency_group"},
                                      {"--agent", "agent"},
                                      {"--driver", "driver"}}) {
    if (arguments.has(option)) {
      body[field] = arguments.get(option);
    }
  }
  HF_TRY(const Json made, session.post("/v1/resources", body));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(made);
  } else {
    session.console().line(fmt::format("resource '{}' protects {} ({}), policy '{}'",
                                       get_string(made, "name"), get_string(made, "path"),
                                       get_string(made, "driver"), get_string(made, "policy")));
  }
  return 0;
}

Result<int> resource_list(Session& session, const Arguments&) {
  return list(session, "/v1/resources",
              {{"NAME", "name"},
               {"STATE", "protection/state"},
               {"PROOF", "protection/proof_level"},
               {"AGE", "protection/rpo_actual_seconds"},
               {"POLICY", "policy"},
               {"DRIVER", "driver"},
               {"AGENT", "agent"},
               {"PATH", "path"}});
}

Result<int> resource_show(Session& session, const Arguments& arguments) {
  return show(session, "/v1/resources/" + url_encode(arguments.get("NAME")));
}

Result<int> resource_remove(Session& session, const Arguments& arguments) {
  HF_TRY(const Json gone, session.remove("/v1/resources/" + url_encode(arguments.get("NAME"))));
  session.console().answer(
      gone, fmt::format("resource '{}' is no longer protected; its recovery points stay",
                        get_string(gone, "name")));
  return 0;
}

Result<int> repository_add(Session& session, const Arguments& arguments) {
  std::error_code failure;
  JsonObject body{{"name", arguments.get("NAME")},
                  {"location", std::filesystem::absolute(arguments.get("--location"), failure)
                                   .lexically_normal()
                                   .string()}};
  if (arguments.has("--replica-of")) {
    body["replica_of"] = arguments.get("--replica-of");
  }
  HF_TRY(const Json made, session.post("/v1/repositories", body));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(made);
    return 0;
  }
  session.console().line(
      fmt::format("repository '{}' at {}", get_string(made, "name"), get_string(made, "location")));
  if (const std::string same = get_string(made, "same_disk_as"); !same.empty()) {
    session.console().note(
        fmt::format("note: same disk as '{}', so it does not count as another medium", same));
  }
  return 0;
}

Result<int> repository_list(Session& session, const Arguments&) {
  return list(session, "/v1/repositories",
              {{"NAME", "name"},
               {"REPLICA OF", "replica_of"},
               {"SAME DISK AS", "same_disk_as"},
               {"ID", "id"},
               {"LOCATION", "location"}});
}

Result<int> repository_password(Session& session, const Arguments& arguments) {
  HF_TRY(const Json answer,
         session.post("/v1/repositories/" + url_encode(arguments.get("NAME")) + "/password",
                      JsonObject{}));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(answer);
    return 0;
  }
  session.console().line(get_string(answer, "password"));
  session.console().note(get_string(answer, "hint"));
  return 0;
}

Result<int> policy_list(Session& session, const Arguments&) {
  return list(session, "/v1/policies",
              {{"NAME", "name"},
               {"VERSION", "version"},
               {"LEVELS", "levels"},
               {"RPO", "rpo_seconds"},
               {"PROOF", "proof/level"},
               {"TIME ZONE", "timezone"},
               {"RESOURCES", "resources"}});
}

Result<int> policy_show(Session& session, const Arguments& arguments) {
  return show(session, "/v1/policies/" + url_encode(arguments.get("NAME")));
}

Result<int> channel_list(Session& session, const Arguments&) {
  return list(session, "/v1/channels", {{"NAME", "name"}, {"TYPE", "type"}, {"ID", "id"}});
}

Result<int> notify_test(Session& session, const Arguments& arguments) {
  HF_TRY(const Json record,
         session.post("/v1/channels/" + url_encode(arguments.get("NAME")) + "/test", JsonObject{}));
  session.console().object(record);
  return get_bool(record, "delivered") ? 0 : 1;
}

}  // namespace

std::vector<Command> protection_commands() {
  return {
      {"apply",
       "Create or update what documents describe",
       {},
       {{"--file,-f", "FILE", "YAML or JSON; - for standard input", false, true},
        {"--policy", "NAME", "Bind resource documents to this policy"},
        {"--dry-run", "", "Say what would happen"}},
       apply},
      {"resource add",
       "Protect a directory",
       {{"NAME", "Its name"}},
       {{"--path", "DIR", "What to protect", false, true},
        {"--policy", "NAME", "Its policy (a sound default otherwise)"},
        {"--label", "NAME=VALUE", "A label", true},
        {"--quiesce-command", "LINE", "Makes the application quiet before a snapshot"},
        {"--release-command", "LINE", "Ends that"},
        {"--probe-command", "LINE", "Checks a restored copy (proof level L3)"},
        {"--consistency-group", "NAME", "Its consistency group"},
        {"--agent", "NAME", "The agent on whose host it is"},
        {"--driver", "KIND", "directory or btrfs (found by itself on the server's own host)"}},
       resource_add},
      {"resource list", "Protected resources and how well", {}, {}, resource_list},
      {"resource show", "One resource", {{"NAME", "Name or id"}}, {}, resource_show},
      {"resource remove",
       "Stop protecting; points stay",
       {{"NAME", "Name or id"}},
       {},
       resource_remove},
      {"repository add",
       "Make or take over a repository",
       {{"NAME", "Its name"}},
       {{"--location", "DIR", "Where", false, true},
        {"--replica-of", "NAME", "Share the chunker of this one"}},
       repository_add},
      {"repository list", "Repositories", {}, {}, repository_list},
      {"repository password",
       "What restic needs to open it (audited)",
       {{"NAME", "Name or id"}},
       {},
       repository_password},
      {"policy list", "Policies", {}, {}, policy_list},
      {"policy show", "One policy", {{"NAME", "Name or id"}}, {}, policy_show},
      {"channel list", "Notification channels", {}, {}, channel_list},
      {"notify test", "Send a test notification", {{"NAME", "The channel"}}, {}, notify_test},
  };
}

}  // namespace holdfast::cli

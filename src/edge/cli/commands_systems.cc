// Commands: system add, list, show, remove, test, inventory, capacity, events, acknowledge,
// annotate, findings, adopt, clean.
#include <fmt/core.h>

#include <filesystem>

#include "core/env/posix/atomic_file.h"
#include "edge/cli/command.h"
#include "edge/cli/session.h"

namespace holdfast::cli {
namespace {

std::string absolute(const std::string& path) {
  std::error_code failure;
  return std::filesystem::absolute(path, failure).lexically_normal().string();
}

// A secret goes over the wire once, so that the server keeps it in a file of its own.
Result<std::string> secret_from(const std::string& file) {
  HF_TRY(std::string text, env::read_small_file(file));
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.pop_back();
  }
  return text;
}

std::string path_of(const Arguments& arguments, std::string_view rest = "") {
  return "/v1/systems/" + url_encode(arguments.get("NAME")) + std::string(rest);
}

Result<JsonObject> mounts_of(const Arguments& arguments) {
  JsonObject mounts;
  for (const std::string& mount : arguments.all("--mount")) {
    const size_t equals = mount.find('=');
    if (equals == std::string::npos) {
      return Error(Code::kInvalidArgument,
                   fmt::format("--mount '{}' is no SVM:/JUNCTION=DIR", mount));
    }
    mounts[mount.substr(0, equals)] = absolute(mount.substr(equals + 1));
  }
  return mounts;
}

Status add_login(const Arguments& arguments, JsonObject& body) {
  if (arguments.has("--user")) {
    body["user"] = arguments.get("--user");
  }
  if (arguments.has("--password-file")) {
    HF_TRY(body["password"], secret_from(arguments.get("--password-file")));
  }
  if (arguments.has("--token-url")) {
    JsonObject oauth2{{"token_url", arguments.get("--token-url")},
                      {"client_id", arguments.get("--client-id")}};
    if (arguments.has("--scope")) {
      oauth2["scope"] = arguments.get("--scope");
    }
    if (arguments.has("--token-ca-file")) {
      oauth2["ca_file"] = absolute(arguments.get("--token-ca-file"));
    }
    body["oauth2"] = std::move(oauth2);
    if (arguments.has("--client-secret-file")) {
      HF_TRY(body["client_secret"], secret_from(arguments.get("--client-secret-file")));
    }
  }
  if (arguments.has("--cert-file")) {
    body["certificate"] = JsonObject{{"cert_file", absolute(arguments.get("--cert-file"))},
                                     {"key_file", absolute(arguments.get("--key-file"))}};
  }
  return {};
}

// Prints what the connection test found; 0 only when everything is good.
int print_report(Session& session, const Json& report) {
  const bool good = get_bool(report, "good");
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(report);
  } else if (const Json* checks = find(report, "checks")) {
    for (const Json& check : checks->get_array()) {
      const std::string advice = get_string(check, "advice");
      session.console().text(fmt::format("{}  {}: {}{}", get_bool(check, "good") ? "ok" : "NO",
                                         get_string(check, "name"), get_string(check, "detail"),
                                         advice.empty() ? "" : "\n    -> " + advice));
    }
  }
  return good ? 0 : describe(Code::kFailedPrecondition).exit_code;
}

Result<int> system_test(Session& session, const Arguments& arguments) {
  HF_TRY(const Json report, session.post(path_of(arguments, "/test"), JsonObject{}));
  return print_report(session, report);
}

Result<int> system_add(Session& session, const Arguments& arguments) {
  JsonObject body{{"name", arguments.get("NAME")},
                  {"type", arguments.get("TYPE")},
                  {"address", arguments.get("--address")}};
  HF_TRY_VOID(add_login(arguments, body));
  JsonObject tls;
  if (arguments.has("--ca-file")) {
    tls["ca_file"] = absolute(arguments.get("--ca-file"));
  }
  if (arguments.has("--pin")) {
    tls["pin"] = arguments.get("--pin");
  }
  if (arguments.has("--insecure")) {
    tls["insecure"] = true;
  }
  body["tls"] = std::move(tls);
  HF_TRY(body["mounts"], mounts_of(arguments));
  HF_TRY(Json made, session.post("/v1/systems", body));
  if (session.console().format() == OutputFormat::kTable) {
    session.console().line(fmt::format("storage system '{}' saved", get_string(made, "name")));
    return arguments.has("--no-test") ? Result<int>(0) : system_test(session, arguments);
  }
  bool good = true;
  if (!arguments.has("--no-test")) {
    HF_TRY(Json report, session.post(path_of(arguments, "/test"), JsonObject{}));
    good = get_bool(report, "good");
    made.get_object()["test"] = std::move(report);
  }
  session.console().object(made);
  return good ? 0 : describe(Code::kFailedPrecondition).exit_code;
}

Result<int> system_list(Session& session, const Arguments&) {
  HF_TRY(const Json items, session.list("/v1/systems"));
  session.console().list(
      {{"NAME", "name"}, {"TYPE", "type"}, {"ADDRESS", "address"}, {"LOGIN", "login"}}, items);
  return 0;
}

Result<int> system_show(Session& session, const Arguments& arguments) {
  HF_TRY(const Json system, session.get(path_of(arguments)));
  session.console().object(system);
  return 0;
}

Result<int> system_remove(Session& session, const Arguments& arguments) {
  HF_TRY(const Json gone, session.remove(path_of(arguments)));
  session.console().answer(gone,
                           fmt::format("storage system '{}' removed", get_string(gone, "name")));
  return 0;
}

Result<int> system_inventory(Session& session, const Arguments& arguments) {
  HF_TRY(const Json clusters, session.list(path_of(arguments, "/inventory")));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().list({}, clusters);
    return 0;
  }
  JsonArray rows;
  for (const Json& cluster : clusters.get_array()) {
    const Json* volumes = find(cluster, "volumes");
    for (size_t i = 0; volumes != nullptr && i < volumes->get_array().size(); ++i) {
      Json row = volumes->get_array()[i];
      row.get_object()["cluster"] = get_string(cluster, "name");
      rows.push_back(std::move(row));
    }
  }
  session.console().list({{"CLUSTER", "cluster"},
                          {"SVM", "svm"},
                          {"VOLUME", "name"},
                          {"TYPE", "type"},
                          {"STATE", "state"},
                          {"JUNCTION", "junction"},
                          {"GROUP", "consistency_group"}},
                         rows);
  return 0;
}

Result<int> system_events(Session& session, const Arguments& arguments) {
  HF_TRY(const Json items, session.list(path_of(arguments, "/storage-events")));
  session.console().list({{"TIME", "time"},
                          {"SEVERITY", "severity"},
                          {"CLUSTER", "cluster"},
                          {"EVENT", "name"},
                          {"ABOUT", "resource"},
                          {"STATE", "state"},
                          {"ID", "id"}},
                         items);
  return 0;
}

Result<int> system_acknowledge(Session& session, const Arguments& arguments) {
  const std::string event = arguments.get("EVENT");
  HF_TRY(const Json done,
         session.post(path_of(arguments, "/storage-events/" + url_encode(event) + "/acknowledge"),
                      JsonObject{}));
  session.console().answer(done, fmt::format("event {} acknowledged", event));
  return 0;
}

Result<int> system_annotate(Session& session, const Arguments& arguments) {
  const std::string event = arguments.get("EVENT");
  HF_TRY(const Json done,
         session.post(path_of(arguments, "/storage-events/" + url_encode(event) + "/annotate"),
                      JsonObject{{"annotation", arguments.get("TEXT")}}));
  session.console().answer(done, fmt::format("event {} annotated", event));
  return 0;
}

// One row an aggregate, protected volume or group.
Result<int> system_capacity(Session& session, const Arguments& arguments) {
  HF_TRY(const Json clusters, session.list(path_of(arguments, "/capacity")));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().list({}, clusters);
    return 0;
  }
  JsonArray rows;
  for (const Json& cluster : clusters.get_array()) {
    for (const auto& [kind, name] :
         {std::pair("aggregates", "name"), {"volumes", "volume"}, {"groups", "group"}}) {
      const Json* list = find(cluster, kind);
      for (size_t i = 0; list != nullptr && i < list->get_array().size(); ++i) {
        Json row = list->get_array()[i];
        JsonObject& fields = row.get_object();
        fields["cluster"] = get_string(cluster, "cluster");
        fields["kind"] = std::string(kind).substr(0, std::string_view(kind).size() - 1);
        fields["name"] = get_string(row, name);
        if (const Json* usage = find(row, "usage")) {
          fields["read_iops"] = fmt::format("{:.1f}", get_double(*usage, "read_iops"));
          fields["write_iops"] = fmt::format("{:.1f}", get_double(*usage, "write_iops"));
        }
        rows.push_back(std::move(row));
      }
    }
  }
  session.console().list({{"CLUSTER", "cluster"},
                          {"KIND", "kind"},
                          {"NAME", "name"},
                          {"SIZE", "size"},
                          {"USED", "used"},
                          {"LOGICAL", "logical_used"},
                          {"READS/S", "read_iops"},
                          {"WRITES/S", "write_iops"}},
                         rows);
  return 0;
}

Result<int> system_adopt(Session& session, const Arguments& arguments) {
  JsonObject body{{"object", arguments.get("OBJECT")}};
  if (arguments.has("--cluster")) {
    body["cluster"] = arguments.get("--cluster");
  }
  HF_TRY(const Json done, session.post(path_of(arguments, "/adopt"), Json(std::move(body))));
  session.console().answer(
      done, fmt::format("{}: {}", get_string(done, "object"), get_string(done, "detail")));
  return 0;
}

void add_objects(const Json& done, std::string_view key, std::string& text) {
  const Json* items = find(done, key);
  for (size_t i = 0; items != nullptr && items->is_array() && i < items->get_array().size(); ++i) {
    const Json& item = items->get_array()[i];
    text += fmt::format("\n  {}/{}", get_string(item, "cluster"), get_string(item, "object"));
  }
}

Result<int> system_clean(Session& session, const Arguments& arguments) {
  HF_TRY(const Json done, session.post(path_of(arguments, "/clean"), JsonObject{}));
  std::string text = fmt::format("{} volumes removed", get_int(done, "removed"));
  add_objects(done, "items", text);
  const Json* splits = find(done, "splits_started");
  if (splits != nullptr && splits->is_array() && !splits->get_array().empty()) {
    text += fmt::format("\n{} splits started again", splits->get_array().size());
    add_objects(done, "splits_started", text);
  }
  session.console().answer(done, text);
  return 0;
}

Result<int> system_findings(Session& session, const Arguments& arguments) {
  HF_TRY(const Json items, session.list(path_of(arguments, "/findings")));
  session.console().list(
      {{"KIND", "kind"}, {"CLUSTER", "cluster"}, {"OBJECT", "object"}, {"DETAIL", "detail"}},
      items);
  return 0;
}

}  // namespace

std::vector<Command> system_commands() {
  const Positional name{"NAME", "Name of the system"};
  return {
      {"system add",
       "Add or change a storage system, and test it",
       {{"TYPE", "ontap (a cluster) or active-iq (Unified Manager)"}, name},
       {{"--address", "HOST", "Where it answers, https", false, true},
        {"--user", "USER", "Log in as"},
        {"--password-file", "FILE", "Holds the password"},
        {"--token-url", "URL", "OAuth2: where tokens come from"},
        {"--client-id", "ID", "OAuth2: client"},
        {"--client-secret-file", "FILE", "OAuth2: holds its secret"},
        {"--scope", "SCOPE", "OAuth2: scope to ask for"},
        {"--token-ca-file", "FILE", "OAuth2: CA of the authorization server"},
        {"--cert-file", "FILE", "Log in with this certificate (PEM)"},
        {"--key-file", "FILE", "Its key (PEM)"},
        {"--ca-file", "FILE", "CA of the system (PEM)"},
        {"--pin", "SHA256", "Trust exactly this certificate or public key"},
        {"--insecure", "", "Trust every certificate"},
        {"--mount", "SVM:/JUNCTION=DIR", "Where a junction is mounted on the server", true},
        {"--no-test", "", "Save it without asking it"}},
       system_add},
      {"system list", "Storage systems", {}, {}, system_list},
      {"system show", "One storage system", {name}, {}, system_show},
      {"system remove", "Forget a storage system", {name}, {}, system_remove},
      {"system test", "Whether it can be used, and what is missing", {name}, {}, system_test},
      {"system inventory", "Volumes and what else is on it", {name}, {}, system_inventory},
      {"system capacity",
       "Space, efficiency and use of aggregates and protected volumes",
       {name},
       {},
       system_capacity},
      {"system events", "What has happened on it", {name}, {}, system_events},
      {"system acknowledge",
       "Acknowledge an event of Unified Manager",
       {name, {"EVENT", "Id of the event"}},
       {},
       system_acknowledge},
      {"system annotate",
       "Write a note at an event of Unified Manager",
       {name, {"EVENT", "Id of the event"}, {"TEXT", "The note"}},
       {},
       system_annotate},
      {"system findings", "What others made or was left behind", {name}, {}, system_findings},
      {"system adopt",
       "Take a snapshot or relationship of others into care",
       {name, {"OBJECT", "As findings name it: svm:volume/snapshot, or 'SOURCE -> DESTINATION'"}},
       {{"--cluster", "NAME", "Where several clusters have the SVM"}},
       system_adopt},
      {"system clean",
       "Remove clones of Holdfast that no run uses; start failed splits of recovered volumes again",
       {name},
       {},
       system_clean},
  };
}

}  // namespace holdfast::cli

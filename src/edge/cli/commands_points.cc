// Commands: backup, point, restore, prove, catalog.
#include <fmt/core.h>

#include <filesystem>

#include "edge/cli/command.h"
#include "edge/cli/session.h"
#include "edge/cli/watch.h"

namespace holdfast::cli {
namespace {

Result<int> start(Session& session, const std::string& workflow, JsonObject parameters, bool wait) {
  HF_TRY(const Json run, session.post("/v1/workflows/" + workflow,
                                      JsonObject{{"parameters", std::move(parameters)}}));
  return started(session, run, wait);
}

Result<int> backup(Session& session, const Arguments& arguments) {
  JsonObject parameters{{"resource", arguments.get("RESOURCE")}};
  if (arguments.has("--label")) {
    parameters["label"] = arguments.get("--label");
  }
  return start(session, "scheduled_backup", std::move(parameters), arguments.has("--wait"));
}

Result<int> point_list(Session& session, const Arguments& arguments) {
  const std::string query =
      arguments.has("--resource") ? "?resource=" + url_encode(arguments.get("--resource")) : "";
  HF_TRY(const Json items, session.list("/v1/points" + query));
  session.console().list({{"ID", "id"},
                          {"RESOURCE", "resource"},
                          {"TIME", "time"},
                          {"STATE", "state"},
                          {"PROOF", "proof_level"},
                          {"FILES", "files"},
                          {"SIZE", "size_bytes"},
                          {"COPIES", "copies"},
                          {"LABEL", "label"}},
                         items);
  return 0;
}

Result<int> point_show(Session& session, const Arguments& arguments) {
  HF_TRY(const Json point, session.get("/v1/points/" + url_encode(arguments.get("POINT"))));
  session.console().object(point);
  return 0;
}

Result<int> point_files(Session& session, const Arguments& arguments) {
  const std::string path = arguments.has("--path") ? arguments.get("--path") : "/";
  HF_TRY(const Json items, session.list("/v1/points/" + url_encode(arguments.get("POINT")) +
                                        "/files?path=" + url_encode(path)));
  session.console().list(
      {{"TYPE", "type"}, {"SIZE", "size"}, {"MODIFIED", "mtime"}, {"NAME", "name"}}, items);
  return 0;
}

Result<int> restore(Session& session, const Arguments& arguments) {
  const bool in_place = arguments.has("--in-place");
  if (in_place == arguments.has("--to")) {
    return Error(Code::kInvalidArgument, "say where to restore to: --to DIR, or --in-place");
  }
  std::error_code failure;
  const std::string target = in_place ? "in-place" : arguments.get("--to");
  const bool other_resource = target.find(':') != std::string::npos;
  JsonObject parameters{
      {"recovery_type", arguments.has("--group")  ? "group"
                        : arguments.has("--path") ? "file"
                                                  : "volume"},
      {"source_backup", arguments.get("POINT")},
      {"target_location",
       in_place || other_resource
           ? target
           : std::filesystem::absolute(target, failure).lexically_normal().string()},
      {"dry_run", arguments.has("--dry-run")}};
  const auto paths = arguments.all("--path");
  if (!paths.empty()) {
    parameters["paths"] = JsonArray(paths.begin(), paths.end());
  }
  if (arguments.has("--at")) {
    parameters["recovery_point"] = arguments.get("--at");
  }
  if (arguments.has("--copy")) {
    parameters["copy"] = arguments.get("--copy");
  }
  if (arguments.has("--means")) {
    parameters["means"] = arguments.get("--means");
  }
  if (!arguments.has("--dry-run")) {
    return start(session, "data_recovery", std::move(parameters), arguments.has("--wait"));
  }
  HF_TRY(const Json run, session.post("/v1/workflows/data_recovery",
                                      JsonObject{{"parameters", std::move(parameters)}}));
  const std::string id = get_string(run, "id");
  HF_TRY(const Json last, follow_run(session, id, FollowUntil::kEnd, [](const Json&) {}));
  const Json* proposal = find(last, "proposal");
  const int code = exit_code_of(last);
  if (code != 0 || proposal == nullptr) {
    const Json* error = find(last, "error");
    session.console().note("holdfast: " + (error == nullptr
                                               ? std::string("the recovery could not be planned")
                                               : get_string(*error, "message")));
    return code == 0 ? 1 : code;
  }
  session.console().object(*proposal);
  return 0;
}

Result<int> prove(Session& session, const Arguments& arguments) {
  const std::string subject = arguments.get("RESOURCE");
  JsonObject parameters{{subject.starts_with("pt_") ? "point" : "resource", subject}};
  if (arguments.has("--level")) {
    const std::string level = arguments.get("--level");
    parameters["level"] = level.starts_with('L') ? level : "L" + level;
  }
  if (arguments.has("--copy")) {
    parameters["copy"] = arguments.get("--copy");
  }
  return start(session, "recovery_proof", std::move(parameters), arguments.has("--wait"));
}

Result<int> catalog_rebuild(Session& session, const Arguments& arguments) {
  return start(session, "catalog_rebuild", {}, arguments.has("--wait"));
}

}  // namespace

std::vector<Command> point_commands() {
  return {
      {"backup",
       "Back a resource up now",
       {{"RESOURCE", "Name or id"}},
       {{"--wait", "", "Follow it to its end"},
        {"--label", "LABEL", "Keep it as this schedule does"}},
       backup},
      {"point list",
       "Recovery points, newest first",
       {},
       {{"--resource", "NAME", "Only of this resource"}},
       point_list},
      {"point show",
       "One recovery point with its copies and proofs",
       {{"POINT", "Its id"}},
       {},
       point_show},
      {"point files",
       "One directory of a recovery point",
       {{"POINT", "Its id"}},
       {{"--path", "PATH", "Relative to the resource"}},
       point_files},
      {"restore",
       "Recover a point, or the newest one of a resource",
       {{"POINT", "A point's id, or a resource"}},
       {{"--path", "PATH", "Only this file or directory", true},
        {"--to", "DIR", "Where to: a path, or RESOURCE:PATH"},
        {"--in-place", "", "Over what is there (asks for approval)"},
        {"--at", "TIME", "The newest point at or before this time"},
        {"--copy", "LEVEL", "From which copy"},
        {"--group", "", "With every member of its consistency group, in place"},
        {"--means", "MEANS",
         "snapshot_restore, file_restore, clone, replica_restore or files_copied, else what loses "
         "nothing"},
        {"--dry-run", "", "Show the proposal only"},
        {"--wait", "", "Follow it to its end"}},
       restore},
      {"prove",
       "Prove that a resource's newest point (or a point) can be recovered",
       {{"RESOURCE", "Name, or a point's id"}},
       {{"--level", "N", "1 read back, 2 restored, 3 probed, 4 compared with the source"},
        {"--copy", "LEVEL", "Which copy"},
        {"--wait", "", "Follow it to its end"}},
       prove},
      {"catalog rebuild",
       "Find every point again from the repositories",
       {},
       {{"--wait", "", "Follow it to its end"}},
       catalog_rebuild},
  };
}

}  // namespace holdfast::cli

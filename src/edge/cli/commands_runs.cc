// Commands: run, approval, schedule.
#include <fmt/core.h>

#include "edge/cli/command.h"
#include "edge/cli/session.h"
#include "edge/cli/watch.h"

namespace holdfast::cli {
namespace {

std::string run_path(const Arguments& arguments) {
  return "/v1/runs/" + url_encode(arguments.get("RUN"));
}

Result<int> run_list(Session& session, const Arguments& arguments) {
  std::string query;
  for (const auto& [option, field] :
       {std::pair{"--status", "status"}, {"--workflow", "workflow"}, {"--resource", "resource"}}) {
    if (arguments.has(option)) {
      query += fmt::format("{}{}={}", query.empty() ? "?" : "&", field,
                           url_encode(arguments.get(option)));
    }
  }
  HF_TRY(const Json items, session.list("/v1/runs" + query));
  session.console().list({{"ID", "id"},
                          {"WORKFLOW", "workflow"},
                          {"RESOURCE", "resource"},
                          {"STATUS", "status"},
                          {"STARTED", "started_at"},
                          {"ENDED", "ended_at"},
                          {"TRIGGER", "trigger"}},
                         items);
  return 0;
}

Result<int> run_show(Session& session, const Arguments& arguments) {
  HF_TRY(const Json run, session.get(run_path(arguments)));
  session.console().object(run);
  return 0;
}

Result<int> run_history(Session& session, const Arguments& arguments) {
  HF_TRY(const Json history, session.get(run_path(arguments) + "/history"));
  const Json* events = find(history, "events");
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(history);
    return 0;
  }
  if (arguments.has("--json") || events == nullptr) {
    session.console().json(history);
    return 0;
  }
  JsonArray rows;
  for (const Json& event : events->get_array()) {
    std::string what;
    for (const auto& field : event.get_object()) {
      if (field.value().is_object()) {
        const Json* type = find(field.value(), "activityType");
        what =
            type != nullptr ? get_string(*type, "name") : get_string(field.value(), "signalName");
      }
    }
    rows.push_back(JsonObject{{"id", get_string(event, "eventId")},
                              {"time", get_string(event, "eventTime")},
                              {"type", get_string(event, "eventType")},
                              {"what", what}});
  }
  session.console().list({{"ID", "id"}, {"TIME", "time"}, {"EVENT", "type"}, {"WHAT", "what"}},
                         rows);
  return 0;
}

Result<int> run_watch(Session& session, const Arguments& arguments) {
  return watch_run(session, arguments.get("RUN"));
}

Result<int> run_cancel(Session& session, const Arguments& arguments) {
  HF_TRY(const Json run, session.post(run_path(arguments) + "/cancel", JsonObject{}));
  session.console().answer(run, fmt::format("run {} was asked to stop", get_string(run, "id")));
  return 0;
}

// "true", "12" and "null" become what they look like; everything else is text.
Json parameter_value(const std::string& text) {
  if (text == "true" || text == "false" || text == "null" || text.starts_with('[')) {
    return parse_json(text).value_or(Json(text));
  }
  return Json(text);
}

Result<int> run_start(Session& session, const Arguments& arguments) {
  JsonObject parameters;
  for (const std::string& text : arguments.all("--param")) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return Error(Code::kInvalidArgument, fmt::format("--param '{}' is no NAME=VALUE", text));
    }
    parameters[text.substr(0, equals)] = parameter_value(text.substr(equals + 1));
  }
  HF_TRY(const Json run, session.post("/v1/workflows/" + url_encode(arguments.get("WORKFLOW")),
                                      JsonObject{{"parameters", std::move(parameters)}}));
  return started(session, run, arguments.has("--wait"));
}

Result<int> approval_list(Session& session, const Arguments& arguments) {
  const std::string query =
      arguments.has("--status") ? "?status=" + url_encode(arguments.get("--status")) : "";
  HF_TRY(const Json items, session.list("/v1/approvals" + query));
  session.console().list({{"ID", "id"},
                          {"STATUS", "status"},
                          {"RUN", "run_id"},
                          {"EXPIRES", "expires_at"},
                          {"SUMMARY", "summary"}},
                         items);
  return 0;
}

Result<int> decide(Session& session, const Arguments& arguments, const char* verb) {
  HF_TRY(const Json approval, session.post(fmt::format("/v1/approvals/{}/{}",
                                                       url_encode(arguments.get("APPROVAL")), verb),
                                           JsonObject{{"comment", arguments.get("--comment")}}));
  if (session.console().format() != OutputFormat::kTable) {
    session.console().object(approval);
  } else {
    session.console().line(fmt::format(
        "approval {} {}{}: run {}", get_string(approval, "id"), get_string(approval, "status"),
        get_bool(approval, "self_approval") ? " (own request, recorded)" : "",
        get_string(approval, "run_id")));
  }
  return 0;
}

Result<int> approval_approve(Session& session, const Arguments& arguments) {
  return decide(session, arguments, "approve");
}
Result<int> approval_deny(Session& session, const Arguments& arguments) {
  return decide(session, arguments, "deny");
}

Result<int> schedule_list(Session& session, const Arguments&) {
  HF_TRY(const Json items, session.list("/v1/schedules"));
  session.console().list({{"RESOURCE", "resource"},
                          {"LABEL", "label"},
                          {"SCHEDULE", "schedule"},
                          {"KEEP", "retention"},
                          {"NEXT", "next_local"},
                          {"TIME ZONE", "timezone"},
                          {"POLICY", "policy"}},
                         items);
  return 0;
}

Result<int> schedule_next(Session& session, const Arguments& arguments) {
  std::string query =
      "?count=" + (arguments.has("--count") ? url_encode(arguments.get("--count")) : "10");
  if (arguments.has("--resource")) {
    query += "&resource=" + url_encode(arguments.get("--resource"));
  }
  HF_TRY(const Json items, session.list("/v1/schedules/next" + query));
  session.console().list({{"DUE (UTC)", "due_at"},
                          {"LOCAL", "local"},
                          {"TIME ZONE", "timezone"},
                          {"RESOURCE", "resource"},
                          {"LABEL", "label"}},
                         items);
  return 0;
}

Result<int> schedule_expected(Session& session, const Arguments& arguments) {
  const std::string query =
      arguments.has("--status") ? "?status=" + url_encode(arguments.get("--status")) : "";
  HF_TRY(const Json items, session.list("/v1/expected-runs" + query));
  session.console().list({{"ID", "id"},
                          {"DUE (UTC)", "due_at"},
                          {"RESOURCE", "resource"},
                          {"LABEL", "label"},
                          {"STATUS", "status"},
                          {"DETAIL", "detail"}},
                         items);
  return 0;
}

}  // namespace

std::vector<Command> run_commands() {
  return {
      {"run list",
       "Runs, newest first",
       {},
       {{"--status", "STATUS", "running, waiting, completed, failed or cancelled"},
        {"--workflow", "NAME", "Only of this workflow"},
        {"--resource", "NAME", "Only of this resource"}},
       run_list},
      {"run show", "One run with its steps and result", {{"RUN", "Its id"}}, {}, run_show},
      {"run history",
       "What happened, event by event",
       {{"RUN", "Its id"}},
       {{"--json", "", "Temporal's history JSON"}},
       run_history},
      {"run watch", "Follow a run to its end", {{"RUN", "Its id"}}, {}, run_watch},
      {"run cancel", "Ask a run to stop and clean up", {{"RUN", "Its id"}}, {}, run_cancel},
      {"run start",
       "Start a workflow by name",
       {{"WORKFLOW", "Its name"}},
       {{"--param", "NAME=VALUE", "A parameter", true}, {"--wait", "", "Follow it to its end"}},
       run_start},
      {"approval list",
       "Approvals",
       {},
       {{"--status", "STATUS", "pending, approved, denied, expired or withdrawn"}},
       approval_list},
      {"approval approve",
       "Approve exactly what is proposed",
       {{"APPROVAL", "Its id"}},
       {{"--comment", "TEXT", "Why"}},
       approval_approve},
      {"approval deny",
       "Deny it",
       {{"APPROVAL", "Its id"}},
       {{"--comment", "TEXT", "Why"}},
       approval_deny},
      {"schedule list", "Schedules and when they are next due", {}, {}, schedule_list},
      {"schedule next",
       "The next expected runs over all",
       {},
       {{"--count", "N", "How many (10)"}, {"--resource", "NAME", "Only of this resource"}},
       schedule_next},
      {"schedule expected",
       "The ledger of expected runs",
       {},
       {{"--status", "STATUS", "expected, started, completed, partial, failed, missed or skipped"}},
       schedule_expected},
  };
}

}  // namespace holdfast::cli

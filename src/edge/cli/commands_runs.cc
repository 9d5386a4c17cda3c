// Commands: run, approval.
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
  for (const auto& [option, field] : {std::pair{"--status", "status"},
                                      {"--workflow", "workflow"},
                                      {"--resource", "resource"},
                                      {"--filter", "filter"}}) {
    if (arguments.has(option)) {
      query += fmt::format("{}{}={}", query.empty() ? "?" : "&", field,
                           url_encode(arguments.get(option)));
    }
  }
  if (arguments.has("--count")) {
    HF_TRY(const Json answer, session.get("/v1/runs/count" + query));
    session.console().answer(answer, std::to_string(get_int(answer, "count")));
    return 0;
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

Result<int> run_terminate(Session& session, const Arguments& arguments) {
  HF_TRY(const Json run, session.post(run_path(arguments) + "/terminate",
                                      JsonObject{{"reason", arguments.get("--reason")}}));
  session.console().answer(run,
                           fmt::format("run {} was ended without clean-up", get_string(run, "id")));
  return 0;
}

Result<int> run_retry(Session& session, const Arguments& arguments) {
  HF_TRY(const Json run, session.post(run_path(arguments) + "/retry", JsonObject{}));
  return started(session, run, arguments.has("--wait"));
}

Result<int> run_reset(Session& session, const Arguments& arguments) {
  const std::string text = arguments.has("--event") ? arguments.get("--event") : "0";
  const auto event = parse_json(text);
  if (!event || !event->is_int64()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("--event '{}' is no event number: see 'holdfast run history {}'", text,
                             arguments.get("RUN")));
  }
  HF_TRY(const Json run,
         session.post(run_path(arguments) + "/reset",
                      JsonObject{{"event_id", *event}, {"reason", arguments.get("--reason")}}));
  return started(session, run, arguments.has("--wait"));
}

// The JSON object of --input; an empty one without.
Result<Json> input_of(const Arguments& arguments) {
  if (!arguments.has("--input")) {
    return Json(JsonObject{});
  }
  const auto input = parse_json(arguments.get("--input"));
  if (!input || !input->is_object()) {
    return Error(Code::kInvalidArgument, "--input must be a JSON object, such as '{\"a\": 1}'");
  }
  return *input;
}

Result<int> run_signal(Session& session, const Arguments& arguments) {
  HF_TRY(const Json input, input_of(arguments));
  const std::string name = arguments.get("SIGNAL");
  HF_TRY(const Json run, session.post(run_path(arguments) + "/signals/" + url_encode(name), input));
  session.console().answer(
      run, fmt::format("run {} was sent the signal '{}'", get_string(run, "id"), name));
  return 0;
}

Result<int> run_query(Session& session, const Arguments& arguments) {
  HF_TRY(const Json input, input_of(arguments));
  HF_TRY(
      const Json answer,
      session.post(run_path(arguments) + "/queries/" + url_encode(arguments.get("QUERY")), input));
  session.console().object(answer);
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

}  // namespace

std::vector<Command> run_commands() {
  return {
      {"run list",
       "Runs, newest first",
       {},
       {{"--status", "STATUS", "running, waiting, completed, failed or cancelled"},
        {"--workflow", "NAME", "Only of this workflow"},
        {"--resource", "NAME", "Only of this resource"},
        {"--filter", "CONDITION", "As in \"WorkflowType = 'x' AND StartTime > '2026-11-01'\""},
        {"--count", "", "Only how many"}},
       run_list},
      {"run show", "One run with its steps and result", {{"RUN", "Its id"}}, {}, run_show},
      {"run history",
       "What happened, event by event",
       {{"RUN", "Its id"}},
       {{"--json", "", "Temporal's history JSON"}},
       run_history},
      {"run watch", "Follow a run to its end", {{"RUN", "Its id"}}, {}, run_watch},
      {"run cancel", "Ask a run to stop and clean up", {{"RUN", "Its id"}}, {}, run_cancel},
      {"run terminate",
       "End a run at once, without its clean-up",
       {{"RUN", "Its id"}},
       {{"--reason", "TEXT", "Why"}},
       run_terminate},
      {"run retry",
       "Start a failed run again with the same input",
       {{"RUN", "Its id"}},
       {{"--wait", "", "Follow it to its end"}},
       run_retry},
      {"run reset",
       "Do a run again from an earlier workflow task, with the code of today",
       {{"RUN", "Its id"}},
       {{"--event", "NUMBER", "The last workflow task at or before it is done again (first: 0)"},
        {"--reason", "TEXT", "Why"},
        {"--wait", "", "Follow it to its end"}},
       run_reset},
      {"run signal",
       "Send a signal to a run",
       {{"RUN", "Its id"}, {"SIGNAL", "Its name"}},
       {{"--input", "JSON", "What it carries"}},
       run_signal},
      {"run query",
       "Ask a run something; it is not changed",
       {{"RUN", "Its id"}, {"QUERY", "progress, or what its workflow answers"}},
       {{"--input", "JSON", "What the query needs"}},
       run_query},
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
  };
}

}  // namespace holdfast::cli

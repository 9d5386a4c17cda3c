// Commands: schedule.
#include <fmt/core.h>

#include "edge/cli/command.h"
#include "edge/cli/session.h"
#include "edge/cli/watch.h"

namespace holdfast::cli {
namespace {

std::string schedule_path(const Arguments& arguments) {
  return fmt::format("/v1/schedules/{}/{}", url_encode(arguments.get("RESOURCE")),
                     url_encode(arguments.get("LABEL")));
}

Result<int> schedule_list(Session& session, const Arguments&) {
  HF_TRY(const Json items, session.list("/v1/schedules"));
  session.console().list({{"RESOURCE", "resource"},
                          {"LABEL", "label"},
                          {"SCHEDULE", "schedule"},
                          {"KEEP", "retention"},
                          {"NEXT", "next_local"},
                          {"PAUSED", "paused/because"},
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
                          {"ORIGIN", "origin"},
                          {"STATUS", "status"},
                          {"DETAIL", "detail"}},
                         items);
  return 0;
}

Result<int> schedule_show(Session& session, const Arguments& arguments) {
  HF_TRY(const Json schedule, session.get(schedule_path(arguments)));
  session.console().object(schedule);
  return 0;
}

Result<int> schedule_pause(Session& session, const Arguments& arguments) {
  HF_TRY(const Json schedule, session.post(schedule_path(arguments) + "/pause",
                                           JsonObject{{"reason", arguments.get("--reason")}}));
  session.console().answer(
      schedule, fmt::format("schedule {} is paused: what comes due is recorded as skipped",
                            get_string(schedule, "id")));
  return 0;
}

Result<int> schedule_resume(Session& session, const Arguments& arguments) {
  HF_TRY(const Json schedule, session.post(schedule_path(arguments) + "/resume", JsonObject{}));
  session.console().answer(schedule,
                           fmt::format("schedule {} goes on: next {}", get_string(schedule, "id"),
                                       get_string(schedule, "next_local")));
  return 0;
}

Result<int> schedule_trigger(Session& session, const Arguments& arguments) {
  HF_TRY(const Json row, session.post(schedule_path(arguments) + "/trigger", JsonObject{}));
  const std::string run = get_string(row, "run_id");
  if (run.empty()) {
    session.console().answer(row, fmt::format("run {} {}", get_string(row, "id"),
                                              get_string(row, "detail", "is about to start")));
    return 0;
  }
  if (!arguments.has("--wait")) {
    session.console().answer(row,
                             fmt::format("run {} was started: holdfast run watch {}", run, run));
    return 0;
  }
  HF_TRY(const Json started_run, session.get("/v1/runs/" + url_encode(run)));
  return started(session, started_run, true);
}

Result<int> schedule_backfill(Session& session, const Arguments& arguments) {
  HF_TRY(const Json answer, session.post(schedule_path(arguments) + "/backfill",
                                         JsonObject{{"from", arguments.get("--from")},
                                                    {"to", arguments.get("--to")}}));
  const Json* items = find(answer, "items");
  session.console().list({{"ID", "id"},
                          {"DUE (UTC)", "due_at"},
                          {"RESOURCE", "resource"},
                          {"LABEL", "label"},
                          {"STATUS", "status"}},
                         items == nullptr ? Json(JsonArray{}) : *items);
  return 0;
}

}  // namespace

std::vector<Command> schedule_commands() {
  return {
      {"schedule list", "Schedules and when they are next due", {}, {}, schedule_list},
      {"schedule show",
       "One schedule, its next run and its last ones",
       {{"RESOURCE", "Name or id"}, {"LABEL", "The schedule"}},
       {},
       schedule_show},
      {"schedule pause",
       "Start nothing by itself until it is resumed",
       {{"RESOURCE", "Name or id"}, {"LABEL", "The schedule"}},
       {{"--reason", "TEXT", "Why, for those who find it paused", false, true}},
       schedule_pause},
      {"schedule resume",
       "End a pause",
       {{"RESOURCE", "Name or id"}, {"LABEL", "The schedule"}},
       {},
       schedule_resume},
      {"schedule trigger",
       "One run now, also while it is paused",
       {{"RESOURCE", "Name or id"}, {"LABEL", "The schedule"}},
       {{"--wait", "", "Follow it to its end"}},
       schedule_trigger},
      {"schedule backfill",
       "Run what was due in a past time and has no run",
       {{"RESOURCE", "Name or id"}, {"LABEL", "The schedule"}},
       {{"--from", "TIME", "Such as 2026-11-24T00:00:00Z", false, true},
        {"--to", "TIME", "Up to this time, not with it", false, true}},
       schedule_backfill},
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

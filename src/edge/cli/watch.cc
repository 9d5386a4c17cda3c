#include "edge/cli/watch.h"

#include <fmt/core.h>

#include <set>

#include "core/base/error.h"

namespace holdfast::cli {
namespace {

constexpr int kPartial = 3;
constexpr int kApprovalPending = 7;
constexpr int kInterrupted = 130;

bool ended(const std::string& status) { return status != "running" && status != "waiting"; }

// One line for each step that has ended since the last look.
void show_steps(Session& session, const Json& run, std::set<std::string>& shown) {
  const Json* steps = find(run, "steps");
  if (steps == nullptr || !steps->is_array() ||
      session.console().format() != OutputFormat::kTable) {
    return;
  }
  for (const Json& step : steps->get_array()) {
    const std::string status = get_string(step, "status");
    if (status == "pending" || status == "running" ||
        !shown.insert(get_string(step, "name")).second) {
      continue;
    }
    const std::string detail = get_string(step, "detail");
    session.console().note(
        fmt::format("  {:<20} {:<14} {}", get_string(step, "name"), status, detail));
  }
}

// What a partial run could not read.
void show_problems(Console& console, const Json& run) {
  const Json* result = find(run, "result");
  const Json* problems = result == nullptr ? nullptr : find(*result, "problems");
  if (problems == nullptr || !problems->is_array()) {
    return;
  }
  for (const Json& problem : problems->get_array()) {
    console.note("  " + std::string(problem.get_string()));
  }
}

void show_end(Session& session, const Json& run) {
  Console& console = session.console();
  if (console.format() != OutputFormat::kTable) {
    console.object(run);
    return;
  }
  const std::string status = get_string(run, "status");
  console.line(fmt::format("run {} {}{}", get_string(run, "id"), status,
                           get_bool(run, "partial") ? " (partial)" : ""));
  if (const Json* error = find(run, "error"); error != nullptr && error->is_object()) {
    console.note("holdfast: " + get_string(*error, "message"));
  }
  show_problems(console, run);
  if (status == "waiting") {
    const Json* approval = find(run, "approval");
    const std::string id = approval == nullptr ? "" : get_string(*approval, "id");
    console.line(fmt::format("waits for an approval: holdfast approval approve {}", id));
    if (approval != nullptr && find(*approval, "proposal") != nullptr) {
      console.text(format_object(*find(*approval, "proposal")));
    }
  }
}

}  // namespace

int exit_code_of(const Json& run) {
  const std::string status = get_string(run, "status");
  if (status == "completed") {
    return get_bool(run, "partial") ? kPartial : 0;
  }
  if (status == "waiting") {
    return kApprovalPending;
  }
  if (status == "cancelled") {
    return kInterrupted;
  }
  const Json* error = find(run, "error");
  return error == nullptr ? 1 : describe(code_from_name(get_string(*error, "code"))).exit_code;
}

Result<int> watch_run(Session& session, const std::string& run_id) {
  std::set<std::string> shown;
  Json last;
  HF_TRY_VOID(session.events("/v1/runs/" + url_encode(run_id) + "/events",
                             [&](std::string_view event, const Json& run) {
                               last = run;
                               show_steps(session, run, shown);
                               session.console().progress(progress_line(run));
                               return event != "end" && get_string(run, "status") != "waiting";
                             }));
  session.console().end_progress();
  if (last.is_null() ||
      !(ended(get_string(last, "status")) || get_string(last, "status") == "waiting")) {
    return Error(
        Code::kUnavailable,
        fmt::format("the server stopped before the run ended; it goes on when the server is back: "
                    "'holdfast run watch {}'",
                    run_id));
  }
  show_end(session, last);
  return exit_code_of(last);
}

Result<int> started(Session& session, const Json& run, bool wait) {
  if (wait) {
    return watch_run(session, get_string(run, "id"));
  }
  if (session.console().format() == OutputFormat::kTable) {
    session.console().line(fmt::format("run {} started: 'holdfast run watch {}'",
                                       get_string(run, "id"), get_string(run, "id")));
  } else {
    session.console().object(run);
  }
  return 0;
}

}  // namespace holdfast::cli

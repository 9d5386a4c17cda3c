#include "edge/cli/watch.h"

#include <fmt/core.h>

#include <optional>
#include <set>

#include "core/base/error.h"
#include "edge/cli/progress.h"

namespace holdfast::cli {
namespace {

constexpr int kPartial = 3;
constexpr int kApprovalPending = 7;
constexpr int kInterrupted = 130;

constexpr Nanoseconds kFirstPause = std::chrono::milliseconds(100);
constexpr Nanoseconds kLongestPause = std::chrono::seconds(10);
constexpr Nanoseconds kPatience = std::chrono::minutes(10);

bool ended(const std::string& status) { return status != "running" && status != "waiting"; }

bool settled(const Json& run, FollowUntil until) {
  const std::string status = get_string(run, "status");
  return ended(status) || (until == FollowUntil::kEndOrApproval && status == "waiting");
}

// The server is away or in trouble, and may be back.
bool is_passing(const Error& error) {
  return error.code() == Code::kUnavailable || error.code() == Code::kDeadlineExceeded ||
         error.code() == Code::kInternal;
}

// What a backup will probably read; 0 when there is no point yet, or the key may not see it: then
// there is no percent, and that is all.
std::uint64_t newest_point_bytes(Session& session, const Json& run) {
  const std::string resource = get_string(run, "resource");
  if (get_string(run, "workflow") != "scheduled_backup" || resource.empty()) {
    return 0;
  }
  const auto page = session.get("/v1/points?limit=1&resource=" + url_encode(resource));
  const Json* items = page ? find(*page, "items") : nullptr;
  if (items == nullptr || !items->is_array() || items->get_array().empty()) {
    return 0;
  }
  return static_cast<std::uint64_t>(get_int(items->get_array().front(), "size_bytes"));
}

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

Result<Json> follow_run(Session& session, const std::string& run_id, FollowUntil until,
                        const std::function<void(const Json& run)>& on_state) {
  const std::string path = "/v1/runs/" + url_encode(run_id);
  std::optional<MonoTime> reached;
  Nanoseconds pause = kFirstPause;
  while (true) {
    std::optional<Json> last;
    int states = 0;
    const Status streamed =
        session.events(path + "/events", [&](std::string_view, const Json& run) {
          ++states;
          on_state(run);
          last = run;
          return !settled(run, until);
        });
    if (last) {
      reached = session.clock().mono();
    }
    if (!last || !settled(*last, until)) {
      auto read = session.get(path);
      if (read) {
        reached = session.clock().mono();
        on_state(*read);
        last = *std::move(read);
      } else if (!is_passing(read.error()) || !reached) {
        return read.error();
      } else if (session.clock().mono() - *reached > kPatience) {
        return Error(Code::kUnavailable,
                     fmt::format("no answer from the server for ten minutes; the run goes on when "
                                 "it is back: 'holdfast run watch {}'",
                                 run_id))
            .caused_by(read.error());
      }
    }
    if (last && settled(*last, until)) {
      return *std::move(last);
    }
    // A proxy may cut every stream after its first event: that is no reason to hurry.
    pause = states > 1 ? kFirstPause : std::min(pause * 2, kLongestPause);
    session.pause(pause);
  }
}

Result<int> watch_run(Session& session, const std::string& run_id) {
  std::set<std::string> shown;
  ProgressMeter meter;
  HF_TRY(const Json first, session.get("/v1/runs/" + url_encode(run_id)));
  meter.expect_backup_bytes(newest_point_bytes(session, first));
  HF_TRY(const Json last,
         follow_run(session, run_id, FollowUntil::kEndOrApproval, [&](const Json& run) {
           show_steps(session, run, shown);
           const MonoTime now = session.clock().mono();
           session.console().progress(meter.line(run, now), now);
         }));
  session.console().end_progress();
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

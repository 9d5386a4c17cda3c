// Histories and commands between Temporal's messages and flow's own.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "flow/event.h"
#include "flow/replay/runtime.h"

namespace temporal::api::command::v1 {
class Command;
}
namespace temporal::api::history::v1 {
class HistoryEvent;
}

namespace holdfast::flow::temporal {

Event to_event(const ::temporal::api::history::v1::HistoryEvent& wired);
// For tests: the way back.
Status from_event(const Event& event, ::temporal::api::history::v1::HistoryEvent& wired);

// What the driver adds to commands: where activities and children run, and the run's header.
struct CommandContext {
  std::string task_queue;
  Json header;
};
// A command as the workflow code asks for it (by the event that it becomes).
Status to_command(const detail::Command& command, const CommandContext& context,
                  ::temporal::api::command::v1::Command& wired);

// An activity that names the queue "temporal:NAME" waits in the server's task queue NAME, for
// workers of another program, in whatever language.
inline constexpr std::string_view kForeignQueue = "temporal:";
// The server's task queue of activities that name the queue `queue`.
std::string activity_queue(const std::string& task_queue, std::string_view queue);

}  // namespace holdfast::flow::temporal

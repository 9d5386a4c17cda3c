// Histories of other makers' programs: our cutting into windows and our machines take them all.
//
// HF_HISTORY_FILES names a folder with JSON files (tests/compat/history_files.py fetches them from
// packages); without it there is nothing to do. The code that made them is not here, so this looks
// at structure: each command event stands in the window of the task that it names, and each
// operation's events are what its machine lists.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "flow/history_json.h"
#include "flow/machines/activity.h"
#include "flow/machines/child.h"
#include "flow/machines/timer.h"
#include "flow/replay/windows.h"

namespace holdfast::flow {
namespace {

using enum EventType;
using machines::ActivityInput;
using machines::ActivityState;
using machines::ChildInput;
using machines::ChildState;
using machines::TimerInput;
using machines::TimerState;

std::vector<std::filesystem::path> history_files() {
  std::vector<std::filesystem::path> files;
  if (const char* folder = std::getenv("HF_HISTORY_FILES")) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.path().extension() == ".json") {
        files.push_back(entry.path());
      }
    }
  }
  std::ranges::sort(files);
  return files;
}

std::vector<Event> read(const std::filesystem::path& file) {
  std::ifstream stream(file);
  const std::string text((std::istreambuf_iterator<char>(stream)), {});
  const auto json = parse_json(text, 64u << 20);
  EXPECT_TRUE(json) << file << ": " << json.error().to_string();
  const auto events = json ? import_history(*json) : Result<std::vector<Event>>(json.error());
  EXPECT_TRUE(events) << file << ": " << events.error().to_string();
  return events ? *events : std::vector<Event>();
}

// Every command event stands behind the completed task that it names. Gives how many windows.
int check_windows(const std::vector<Event>& events) {
  int windows = 0;
  std::size_t commands = 0;
  std::size_t recorded = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].id, static_cast<std::int64_t>(i) + 1);
    commands += is_command_event(events[i].type) ? 1 : 0;
    if (events[i].type != kWorkflowTaskStarted) {
      continue;
    }
    const auto rest = std::span(events).subspan(i + 1);
    if (!detail::ends_window(rest.empty() ? nullptr : &rest.front())) {
      continue;
    }
    ++windows;
    for (const Event& event : detail::recorded_after(rest)) {
      ++recorded;
      if (event.attributes.contains("workflowTaskCompletedEventId")) {
        EXPECT_EQ(event_ref(event.attributes, "workflowTaskCompletedEventId"), rest.front().id)
            << "event " << event.id;
      }
    }
  }
  EXPECT_EQ(recorded, commands) << "command events outside of windows";
  return windows;
}

// The operations of a run by the event that recorded them.
class Operations {
 public:
  int checked = 0;

  void take(const Event& event) {
    const auto scheduled = [&] { return event_ref(event.attributes, "scheduledEventId"); };
    switch (event.type) {
      case kActivityTaskScheduled:
        activities_[event.id] = ActivityState::kAsked;
        return step(activities_, event.id, ActivityInput::kScheduledEvent, event);
      case kActivityTaskStarted:
        return step(activities_, scheduled(), ActivityInput::kStartedEvent, event);
      case kActivityTaskCompleted:
        return step(activities_, scheduled(), ActivityInput::kCompletedEvent, event);
      case kActivityTaskFailed:
        return step(activities_, scheduled(), ActivityInput::kFailedEvent, event);
      case kActivityTaskTimedOut:
        return step(activities_, scheduled(), ActivityInput::kTimedOutEvent, event);
      case kActivityTaskCancelRequested:
        step(activities_, scheduled(), ActivityInput::kCancel, event);
        return step(activities_, scheduled(), ActivityInput::kCancelRequestedEvent, event);
      case kActivityTaskCanceled:
        return step(activities_, scheduled(), ActivityInput::kCanceledEvent, event);
      case kTimerStarted:
        timers_[event.id] = TimerState::kAsked;
        return step(timers_, event.id, TimerInput::kStartedEvent, event);
      case kTimerFired:
        return step(timers_, started(event), TimerInput::kFiredEvent, event);
      case kTimerCanceled:
        step(timers_, started(event), TimerInput::kCancel, event);
        return step(timers_, started(event), TimerInput::kCanceledEvent, event);
      case kStartChildWorkflowExecutionInitiated:
        children_[event.id] = ChildState::kAsked;
        return step(children_, event.id, ChildInput::kInitiatedEvent, event);
      default:
        return take_child(event);
    }
  }

 private:
  void take_child(const Event& event) {
    const std::int64_t initiated = event_ref(event.attributes, "initiatedEventId");
    switch (event.type) {
      case kStartChildWorkflowExecutionFailed:
        return step(children_, initiated, ChildInput::kStartFailedEvent, event);
      case kChildWorkflowExecutionStarted:
        return step(children_, initiated, ChildInput::kStartedEvent, event);
      case kChildWorkflowExecutionCompleted:
      case kChildWorkflowExecutionFailed:
      case kChildWorkflowExecutionCanceled:
      case kChildWorkflowExecutionTimedOut:
      case kChildWorkflowExecutionTerminated:
        return step(children_, initiated, ChildInput::kClosedEvent, event);
      default:
        return;
    }
  }

  static std::int64_t started(const Event& event) {
    return event_ref(event.attributes, "startedEventId");
  }

  template <class State, class Input>
  void step(std::map<std::int64_t, State>& states, std::int64_t id, Input input,
            const Event& event) {
    const auto found = states.find(id);
    ASSERT_TRUE(found != states.end()) << "event " << event.id << " belongs to nothing";
    const auto to = machines::next(found->second, input);
    ASSERT_TRUE(to) << "event " << event.id << " " << name_of(event.type)
                    << " does not fit the state of its operation";
    found->second = *to;
    ++checked;
  }

  std::map<std::int64_t, ActivityState> activities_;
  std::map<std::int64_t, TimerState> timers_;
  std::map<std::int64_t, ChildState> children_;
};

TEST(HistoryFiles, AreCutIntoWindowsAndFitTheMachines) {
  int windows = 0;
  int steps = 0;
  std::size_t count = 0;
  std::size_t unknown = 0;
  const auto files = history_files();
  for (const std::filesystem::path& file : files) {
    SCOPED_TRACE(file.filename().string());
    const std::vector<Event> events = read(file);
    count += events.size();
    windows += check_windows(events);
    Operations operations;
    for (const Event& event : events) {
      unknown += event.type == kUnknown ? 1 : 0;
      operations.take(event);
    }
    steps += operations.checked;
  }
  if (!files.empty()) {
    std::printf(
        "history files: %zu with %zu events (%zu of unknown types): %d windows, %d steps of "
        "machines\n",
        files.size(), count, unknown, windows, steps);
  }
}

}  // namespace
}  // namespace holdfast::flow

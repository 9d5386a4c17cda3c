#include "flow/replay/windows.h"

namespace holdfast::flow::detail {

bool ends_window(const Event* next) {
  return next == nullptr || !(next->type == EventType::kWorkflowTaskFailed ||
                              next->type == EventType::kWorkflowTaskTimedOut ||
                              (is_closing_event(next->type) && !is_command_event(next->type)));
}

std::span<const Event> recorded_after(std::span<const Event> events) {
  if (events.empty() || events.front().type != EventType::kWorkflowTaskCompleted) {
    return {};
  }
  events = events.subspan(1);
  std::size_t count = 0;
  while (count < events.size() && is_command_event(events[count].type)) {
    ++count;
  }
  return events.first(count);
}

}  // namespace holdfast::flow::detail

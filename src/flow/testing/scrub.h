// What two engines' histories of one story have to share, and where they may differ.
//
// Of each event: its type and what it is about (activity, timer, signal, child, failure, values).
// Left out: ids, times, identities, empty values, a worker's notes of progress, and workflow tasks
// that did not count, because something overtook them or no worker came in time. What else differs
// is one list, with the reason, as in the table of docs/design/flow.md. A line of it that no story
// needs any more fails the suite that tells all stories.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "flow/testing/story.h"

namespace holdfast::flow::stories {

// A difference between Temporal's history and the embedded engine's: what is left out of an event
// because of it.
struct Difference {
  std::string_view name;
  std::string_view event;  // begins so
  std::string_view key;
  std::string_view reason;
  std::string_view only_with = {};  // another key that the event has; empty: always
};
const std::vector<Difference>& differences();

struct Scrubbed {
  std::vector<std::string> lines;
  // What was left out because of a difference, by its name, in order.
  std::map<std::string_view, std::vector<std::string>> left_out;
};

// Where two sequences differ, a line each: "-" only in the first one, "+" only in the other one.
// Empty when they are equal.
std::string compare(const std::vector<std::string>& first, const std::vector<std::string>& other);

// The history of one run of a story.
Scrubbed scrubbed(Stage& stage, const Story& story, const std::string& run);

}  // namespace holdfast::flow::stories

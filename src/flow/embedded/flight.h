// A transition on its way to the disk, and what follows its commit.
#pragma once

#include "flow/embedded/engine_state.h"

namespace holdfast::flow::embedded {

struct Engine::State::Flight {
  CommitPlan plan;
  std::vector<std::move_only_function<void(Status)>> answers;
  std::vector<LeaseToken> ended_leases;
  std::vector<HistoryInput> own_inputs;  // come back when the commit fails
  std::vector<std::pair<std::string, std::move_only_function<void(Status)>>> updates;
  std::vector<detail::UpdateRejection> rejected;
  bool recover = false;
  std::optional<StartCheck> check;
  std::move_only_function<void(Result<Started>)> started;
  std::optional<RunId> existing;  // a start that found a run

  std::vector<std::int64_t> to_dispatch;
  std::vector<std::pair<std::int64_t, int>> to_stop;
  bool tend_children = false;
  bool closed = false;
  bool has_events = false;
  std::optional<Event> closing;  // of a child
  RunId successor;               // empty: none
};

}  // namespace holdfast::flow::embedded

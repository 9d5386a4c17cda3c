// How the built-in workflows call their activities.
#pragma once

#include <string>

#include "flow/types.h"

namespace holdfast::activities {

// Who goes first where data activities wait for one another.
inline constexpr int kRecoveryPriority = 1;
inline constexpr int kProofPriority = 4;

// Touches data, may take long, says so by heartbeat: repeated a few times, then the run decides.
inline flow::ActivityOptions data_options(int priority = flow::kUsualPriority) {
  flow::ActivityOptions options;
  options.queue = "data";
  options.priority = priority;
  options.start_to_close = std::chrono::hours(24);
  options.heartbeat = std::chrono::minutes(2);
  options.retry.max_attempts = 5;
  options.retry.maximum = std::chrono::minutes(1);
  return options;
}

// The same where the data lies: on the host of this agent, or (empty) on the server's.
inline flow::ActivityOptions data_options_at(const std::string& agent,
                                             int priority = flow::kUsualPriority) {
  flow::ActivityOptions options = data_options(priority);
  if (!agent.empty()) {
    options.queue = "agent:" + agent;
  }
  return options;
}

// Reads or writes the state database.
inline flow::ActivityOptions control_options() {
  flow::ActivityOptions options;
  options.start_to_close = std::chrono::minutes(1);
  options.retry.max_attempts = 20;
  options.retry.maximum = std::chrono::seconds(30);
  return options;
}

}  // namespace holdfast::activities

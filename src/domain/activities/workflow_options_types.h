// How the built-in workflows call their activities.
#pragma once

#include "flow/types.h"

namespace holdfast::activities {

// Touches data, may take long, says so by heartbeat: repeated a few times, then the run decides.
inline flow::ActivityOptions data_options() {
  flow::ActivityOptions options;
  options.queue = "data";
  options.start_to_close = std::chrono::hours(24);
  options.heartbeat = std::chrono::minutes(2);
  options.retry.max_attempts = 5;
  options.retry.maximum = std::chrono::minutes(1);
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

// The task protocol between the server and its agents: plain values and their JSON, the same code
// on both sides (docs/design/agents.md).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::wire {

// Longest that a server lets an agent wait for a task.
inline constexpr Nanoseconds kLongestPoll = std::chrono::seconds(60);

// What an agent says when it asks for a task.
struct PollRequest {
  std::string instance;  // of the agent's process: another one of the same agent ends its polls
  std::string version;
  std::string host;
  std::vector<std::string> activities;    // that it can run
  std::vector<std::string> repositories;  // names that its configuration resolves
  Nanoseconds patience{0};
};

// One attempt in an agent's hands. Lengths of time instead of points, because clocks differ.
struct TaskOffer {
  std::string token;
  std::string type;
  Json input;
  std::optional<Json> details;  // of the newest heartbeat of an earlier attempt
  std::string activity_id;
  std::string run_id;
  std::string workflow_id;
  std::string workflow_type;
  std::string queue;
  int attempt = 1;
  int priority = 3;
  UtcTime scheduled;
  std::optional<Nanoseconds> remaining;  // until this attempt times out
  Nanoseconds heartbeat_timeout{0};      // 0: none
  std::map<std::string, std::string> header;
};

struct Outcome {
  std::string token;
  Result<Json> value = Json();
};

Json encode(const PollRequest& request);
Json encode(const TaskOffer& task);
Json encode(const Outcome& outcome);
// kInvalidArgument with a pointer for each field that is wrong.
Result<PollRequest> decode_poll(const Json& value);
Result<TaskOffer> decode_task(const Json& value);
Result<Outcome> decode_outcome(const Json& value);

// An error as the protocol carries it: code, sentence, retry class, context, cause.
Json encode_error(const Error& error);
Error decode_error(const Json& value);
std::string_view retry_name(Retry retry);
Retry retry_from_name(std::string_view name);

// The error in a problem document (RFC 9457) of the API: its code, detail and retry class, and its
// problems as context. A body that is none is kUnavailable, transient from 500 on.
Error error_from_problem(int status, std::string_view body);

}  // namespace holdfast::wire

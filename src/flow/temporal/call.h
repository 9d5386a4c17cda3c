// Calls of one kind of message for another, as coroutine or on a blocking thread, repeated while
// Temporal says that it is not ready.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "core/async/co.h"
#include "core/env/clock.h"
#include "flow/temporal/connection.h"

namespace holdfast::flow::temporal {

inline constexpr Nanoseconds kCallDeadline = std::chrono::seconds(10);
// The server holds a poll for up to a minute.
inline constexpr Nanoseconds kPollDeadline = std::chrono::seconds(70);

// What is on the wire: bytes. The templates below give them types.
class Caller {
 public:
  Caller(Connection& connection, env::Clock& clock) : connection_(connection), clock_(clock) {}

  // Cancelling the coroutine cancels the call. `repeats`: how often at most after transient errors.
  async::Co<Result<std::string>> send(std::string method, std::string request, Nanoseconds deadline,
                                      int repeats) const;
  // The same for a thread that may block; `stop` ends it with kCancelled.
  Result<std::string> send_blocking(std::string_view method, const std::string& request,
                                    Nanoseconds deadline, int repeats, std::stop_token stop) const;

  Connection& connection() const { return connection_; }
  env::Clock& clock() const { return clock_; }

 private:
  Connection& connection_;
  env::Clock& clock_;
};

inline constexpr int kRepeats = 6;

Error damaged_reply(std::string_view method);

template <class Reply>
Result<Reply> parsed(std::string_view method, const Result<std::string>& bytes) {
  Reply reply;
  if (!bytes) {
    return bytes.error();
  }
  if (!reply.ParseFromString(*bytes)) {
    return damaged_reply(method);
  }
  return reply;
}

template <class Reply, class Request>
async::Co<Result<Reply>> call(const Caller* caller, std::string method, Request request,
                              Nanoseconds deadline = kCallDeadline, int repeats = kRepeats) {
  std::string bytes = request.SerializeAsString();
  const Result<std::string> answer =
      co_await caller->send(method, std::move(bytes), deadline, repeats);
  co_return parsed<Reply>(method, answer);
}

template <class Reply, class Request>
Result<Reply> call_blocking(const Caller& caller, std::string_view method, const Request& request,
                            std::stop_token stop = {}, Nanoseconds deadline = kCallDeadline,
                            int repeats = kRepeats) {
  return parsed<Reply>(method, caller.send_blocking(method, request.SerializeAsString(), deadline,
                                                    repeats, std::move(stop)));
}

}  // namespace holdfast::flow::temporal

// Calls of one kind of message for another: with a callback, as coroutine or on a blocking thread,
// repeated while Temporal says that it is not ready.
#pragma once

#include <functional>
#include <memory>
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
inline constexpr int kRepeats = 6;

// What one call may take.
struct Limits {
  Nanoseconds deadline = kCallDeadline;  // of each try
  int repeats = kRepeats;                // at most, after transient errors
};

// What is on the wire: bytes. The templates below give them types.
class Caller {
 public:
  Caller(Connection& connection, env::Clock& clock) : connection_(connection), clock_(clock) {}

  // `done` is called once, on the connection's thread or the clock's; `stop` ends the call soon
  // with kCancelled.
  void send_then(std::string method, std::string request, Limits limits, std::stop_token stop,
                 Connection::Done done) const;
  // Cancelling the coroutine cancels the call.
  async::Co<Result<std::string>> send(std::string method, std::string request, Limits limits) const;
  // For a thread that may block.
  Result<std::string> send_blocking(std::string method, std::string request, Limits limits,
                                    std::stop_token stop) const;

  Connection& connection() const { return connection_; }
  env::Clock& clock() const { return clock_; }

 private:
  Connection& connection_;
  env::Clock& clock_;
};

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

// `done` takes a Result<Reply>.
template <class Reply, class Request, class Done>
void call_then(const Caller& caller, std::string_view method, const Request& request, Done done,
               std::stop_token stop = {}, Limits limits = {}) {
  caller.send_then(std::string(method), request.SerializeAsString(), limits, std::move(stop),
                   [method, done = std::move(done)](const Result<std::string>& bytes) mutable {
                     done(parsed<Reply>(method, bytes));
                   });
}

template <class Reply, class Request>
async::Co<Result<Reply>> call(const Caller* caller, std::string method, Request request,
                              Limits limits = {}) {
  std::string bytes = request.SerializeAsString();
  const Result<std::string> answer = co_await caller->send(method, std::move(bytes), limits);
  co_return parsed<Reply>(method, answer);
}

template <class Reply, class Request>
Result<Reply> call_blocking(const Caller& caller, std::string_view method, const Request& request,
                            std::stop_token stop = {}, Limits limits = {}) {
  return parsed<Reply>(
      method, caller.send_blocking(std::string(method), request.SerializeAsString(), limits,
                                   std::move(stop)));
}

}  // namespace holdfast::flow::temporal

// Calls to a Temporal cluster over HTTP/2 connections that come and go: the work behind
// connection.h.
//
// A call that begins while there is no connection waits for the one that is being made. A broken
// connection ends its calls with kUnavailable; one that the server closes in order (GOAWAY) serves
// its calls to the end beside its successor, and what the server has not looked at moves over.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "flow/temporal/link.h"
#include "flow/temporal/pending_call.h"
#include "flow/temporal/serving_thread.h"

namespace holdfast::flow::temporal {

class WireCall;

// Thread-safe. next() is for a ServingThread; everything that ends, ends in a handler of it.
class Wire : public std::enable_shared_from_this<Wire> {
 public:
  // Blocks until there is a connection, in a thread of its own.
  using Dial = std::function<Result<std::unique_ptr<net::ByteStream>>(const std::stop_token&)>;
  // What every call says of itself, beside its path and its timeout.
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Wire(env::Clock& clock, Dial dial, Headers headers);
  ~Wire();

  std::shared_ptr<PendingCall> begin(std::string path, std::string_view request,
                                     Nanoseconds deadline, CallDone done);
  void cancel(const std::shared_ptr<WireCall>& call);
  // Ends what is under way, and everything that begins later; waits for it.
  void shut_down();
  // The next handler to run; waits for one. Nothing after close().
  ServingThread::Handler next();
  void close();

 private:
  using Lock = std::unique_lock<std::mutex>;
  using CallPtr = std::shared_ptr<WireCall>;
  using LinkPtr = std::shared_ptr<Link>;

  // All of these with the mutex held. Calls and links come by value: what is ended leaves the
  // containers that a reference would point into.
  void place(CallPtr call);
  bool send_over(LinkPtr link, const CallPtr& call);
  void push_out(LinkPtr link);
  void end(CallPtr call, Result<std::string> outcome);
  void stream_closed(CallPtr call, std::uint32_t http2_error);
  void end_link(LinkPtr link, const Error& error);
  void start_dialling();
  void dialled(Result<std::unique_ptr<net::ByteStream>> stream);
  void back_off(const Error& error);
  void wait_for_news(Lock& lock);
  void look(MonoTime now);
  void wake();

  static void finish(const CallPtr& call);

  friend class WireCall;

  env::Clock& clock_;
  const Dial dial_;
  const Headers headers_;
  const int wake_descriptor_;

  std::mutex mutex_;
  std::condition_variable quiet_;
  LinkPtr current_;                              // takes new calls
  std::vector<LinkPtr> links_;                   // current_ and those that serve their last calls
  std::set<std::pair<MonoTime, CallPtr>> open_;  // by deadline
  std::vector<CallPtr> waiting_;                 // for a connection
  std::deque<CallPtr> ended_;                    // their `done` is to be called
  int under_way_ = 0;                            // until its `done` has returned
  bool stopped_ = false;
  bool closed_ = false;
  std::optional<MonoTime> waits_until_;  // the serving thread waits

  bool dialling_ = false;
  std::optional<Error> last_failure_;
  MonoTime dial_again_{};
  Nanoseconds pause_;
  std::jthread dialler_;
};

}  // namespace holdfast::flow::temporal

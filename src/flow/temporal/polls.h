// Long polls for tasks, each repeated until they are stopped. Whoever got a task says when the next
// may come, so there are never more tasks worked on at once than polls.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "flow/temporal/call.h"

namespace holdfast::flow::temporal {

class Polls {
 public:
  // One poll. Whoever was handed its answer calls one of the two, once, when it can take another:
  // best right after its own answer was sent, since the server acknowledges both at once.
  class Slot {
   public:
    virtual ~Slot() = default;
    virtual void again() = 0;
    virtual void again_later() = 0;  // after a failure: in a second
  };
  // Called on the connection's thread with the bytes of an answer; must not block.
  using Handle = std::function<void(const std::string& answer, std::shared_ptr<Slot> slot)>;

  Polls(const Caller& caller, std::string method) : caller_(caller), method_(std::move(method)) {}
  // Stops, if still running.
  ~Polls() { stop(); }

  void add(std::string request, Handle handle);
  // Held by what outlives its slot: an answer on its way to the server.
  std::shared_ptr<void> errand();
  // Ends the polls; what was handed out may still be under way.
  void ask_to_stop() { stop_.request_stop(); }
  // As ask_to_stop(), and waits until everything that was handed out is done and no errand is held.
  void stop();
  bool stopping() const { return stop_.stop_requested(); }

 private:
  class Poll;

  void over();

  const Caller& caller_;
  const std::string method_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  int under_way_ = 0;
};

}  // namespace holdfast::flow::temporal

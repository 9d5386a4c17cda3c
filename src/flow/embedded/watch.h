// Who waits for a change of a run, and who is told of every change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "core/env/clock.h"
#include "flow/client.h"
#include "flow/embedded/waiter.h"

namespace holdfast::flow::embedded {

// Thread-safe.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  explicit Watch(env::Clock& clock) : clock_(clock) {}

  // For one wait for the next change of a run: wait(watcher, until).
  std::shared_ptr<Waiter> watcher(RunId run);

  std::unique_ptr<Subscription> subscribe(std::function<void(const RunChange&)> callback);
  void notify(const RunChange& change);
  // Lets everybody go.
  void stop();
  // How many waits there are, for tests.
  std::size_t watchers();

 private:
  void forget_expired(const RunId& run);

  // Its lock is held during the call, so that nothing is called after the subscription went.
  struct Subscriber {
    std::recursive_mutex mutex;
    std::function<void(const RunChange&)> callback;
  };

  env::Clock& clock_;
  std::mutex mutex_;
  std::multimap<RunId, std::weak_ptr<Waiter>> watchers_;
  std::map<std::uint64_t, std::shared_ptr<Subscriber>> subscribers_;
  std::uint64_t next_subscriber_ = 1;
};

}  // namespace holdfast::flow::embedded

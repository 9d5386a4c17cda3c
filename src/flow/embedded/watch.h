// Who waits for a change of a run, and who is told of every change.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "core/async/co.h"
#include "core/env/clock.h"
#include "flow/client.h"

namespace holdfast::flow::embedded {

// One wait for the next change of a run. Made before looking at the run, so that no change is
// missed in between.
class Watcher;

// Thread-safe.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  explicit Watch(env::Clock& clock) : clock_(clock) {}

  std::shared_ptr<Watcher> watcher(RunId run);
  // True: a change came (or had come since the watcher was made); false: `until` has passed or the
  // coroutine was cancelled. Once per watcher.
  async::Co<bool> wait(std::shared_ptr<Watcher> watcher, std::optional<MonoTime> until);

  std::unique_ptr<Subscription> subscribe(std::function<void(const RunChange&)> callback);
  void notify(const RunChange& change);
  // Lets everybody go.
  void stop();

 private:
  // Its lock is held during the call, so that nothing is called after the subscription went.
  struct Subscriber {
    std::recursive_mutex mutex;
    std::function<void(const RunChange&)> callback;
  };

  friend class Watcher;
  env::Clock& clock_;
  std::mutex mutex_;
  std::multimap<RunId, std::weak_ptr<Watcher>> watchers_;
  std::map<std::uint64_t, std::shared_ptr<Subscriber>> subscribers_;
  std::uint64_t next_subscriber_ = 1;
};

}  // namespace holdfast::flow::embedded

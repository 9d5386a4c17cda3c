// Named thread pools: CPU stages and blocking calls (files, SQLite) run here, never on I/O threads.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/async/co.h"

namespace holdfast::async {

class Pool {
 public:
  Pool(std::string name, int threads);
  // Waits for the work that is running; queued work is dropped.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  Executor executor() const;
  int threads() const { return threads_; }
  // Runs `work` on some thread of the pool; returns at once.
  void post(std::move_only_function<void()> work);

 private:
  struct State;
  std::string name_;
  int threads_;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::async

// The loop that keeps promises: expected runs, due backups, due proofs.
#pragma once

#include <atomic>
#include <future>
#include <memory>

#include "core/async/pool.h"
#include "domain/protect/scheduler.h"
#include "domain/recover/proof_scheduler.h"

namespace holdfast::daemon {

class Background {
 public:
  // Runs on `pool` until stop(). Everything given outlives it.
  Background(async::Pool& pool, const protect::ServerContext& context, flow::Client& client);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Ends the loop and waits for the pass that runs.
  void stop();

 private:
  static async::Co<void> run(Background* self);

  const protect::ServerContext& context_;
  protect::Scheduler scheduler_;
  recover::ProofScheduler proofs_;
  std::atomic<bool> stop_ = false;
  std::future<void> ended_;
};

}  // namespace holdfast::daemon

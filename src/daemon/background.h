// The loops that keep promises: expected runs, due backups, due proofs; and the look at storage
// systems, which may take long and so has a loop of its own.
#pragma once

#include <atomic>
#include <future>
#include <memory>

#include "core/async/pool.h"
#include "domain/protect/scheduler.h"
#include "domain/protect/system_watch.h"
#include "domain/recover/proof_scheduler.h"

namespace holdfast::daemon {

class Background {
 public:
  // Runs on `pool` until stop(). Everything given outlives it.
  Background(async::Pool& pool, const protect::ServerContext& context, flow::Client& client,
             const activities::DataContext& data, const notify::ChannelServices& channels);
  ~Background();
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  // Ends the loops and waits for the passes that run.
  void stop();

 private:
  static async::Co<void> run(Background* self);
  static async::Co<void> watch(Background* self);

  const protect::ServerContext& context_;
  protect::Scheduler scheduler_;
  recover::ProofScheduler proofs_;
  protect::SystemWatch systems_;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> leads_ = false;  // of several servers one watches
  std::future<void> ended_;
  std::future<void> watch_ended_;
};

}  // namespace holdfast::daemon

#include "daemon/background.h"

#include <algorithm>

#include "core/async/run.h"
#include "core/base/log.h"
#include "daemon/state.h"

namespace holdfast::daemon {
namespace {

constexpr Nanoseconds kLongestWait = std::chrono::seconds(20);
constexpr Nanoseconds kStep = std::chrono::milliseconds(500);  // how soon stop() is noticed
constexpr Nanoseconds kProofsEvery = std::chrono::minutes(1);
constexpr Nanoseconds kLookEvery = std::chrono::minutes(5);

}  // namespace

Background::Background(async::Pool& pool, const protect::ServerContext& context,
                       flow::Client& client, const activities::DataContext& data,
                       const notify::ChannelServices& channels)
    : context_(context),
      scheduler_(context, client, server_name(context.host, context.data_dir)),
      proofs_(context, client),
      systems_(context, client, data, channels) {
  ended_ = boost::asio::co_spawn(pool.executor(), run(this), boost::asio::use_future);
  watch_ended_ = boost::asio::co_spawn(pool.executor(), watch(this), boost::asio::use_future);
}

Background::~Background() { stop(); }

void Background::stop() {
  stop_ = true;
  for (std::future<void>* ended : {&ended_, &watch_ended_}) {
    if (ended->valid()) {
      ended->get();
    }
  }
}

async::Co<void> Background::run(Background* self) {
  MonoTime next_proofs = self->context_.clock.mono() + kProofsEvery;
  while (!self->stop_) {
    const auto pass = co_await self->scheduler_.pass();
    if (!pass) {
      log_error("scheduler.failed", {{"error", pass.error().to_string()}});
    }
    self->leads_ = pass && pass->leader;
    if (pass && pass->leader && self->context_.clock.mono() >= next_proofs) {
      next_proofs = self->context_.clock.mono() + kProofsEvery;
      if (const auto proofs = co_await self->proofs_.pass(); !proofs) {
        log_error("proofs.failed", {{"error", proofs.error().to_string()}});
      }
    }
    const Nanoseconds until_due = pass && pass->next_due != UtcTime::max()
                                      ? pass->next_due - self->context_.clock.now()
                                      : kLongestWait;
    const MonoTime wake =
        self->context_.clock.mono() + std::clamp(until_due, Nanoseconds(kStep), kLongestWait);
    while (!self->stop_ && self->context_.clock.mono() < wake &&
           !self->context_.wake->exchange(false)) {
      co_await async::sleep_for(self->context_.clock, kStep);
    }
  }
  if (const Status resigned = co_await self->scheduler_.resign(); !resigned) {
    log_warn("scheduler.lease_kept", {{"error", resigned.error().to_string()}});
  }
}

async::Co<void> Background::watch(Background* self) {
  MonoTime next = self->context_.clock.mono();
  while (!self->stop_) {
    const bool due = self->context_.clock.mono() >= next || self->systems_.has_news();
    if (self->leads_ && due) {
      const auto pass = co_await self->systems_.pass(&self->stop_);
      if (!pass) {
        log_error("systems.watch_failed", {{"error", pass.error().to_string()}});
      }
      next = self->context_.clock.mono() + kLookEvery;
    }
    co_await async::sleep_for(self->context_.clock, kStep);
  }
}

}  // namespace holdfast::daemon

#include "flow/embedded/waiter.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

namespace holdfast::flow::embedded {

namespace asio = boost::asio;

void Waiter::begin(std::move_only_function<void(bool)> handler, std::optional<MonoTime> until) {
  {
    const std::lock_guard lock(mutex_);
    if (!happened_) {
      handler_ = std::exchange(handler, nullptr);
    }
  }
  if (handler) {
    handler(true);
    return;
  }
  if (!until) {
    return;
  }
  // Without the lock: a time that has passed may call back at once.
  const env::TimerId timer = clock_.call_at(*until, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->complete(false);
    }
  });
  const std::lock_guard lock(mutex_);
  if (handler_) {
    timer_ = timer;
  } else {
    clock_.cancel(timer);
  }
}

void Waiter::complete(bool happened) {
  std::move_only_function<void(bool)> handler;
  env::TimerId timer = 0;
  {
    const std::lock_guard lock(mutex_);
    happened_ = happened_ || happened;
    handler = std::exchange(handler_, nullptr);
    timer = std::exchange(timer_, 0);
  }
  if (handler) {
    if (timer != 0) {
      clock_.cancel(timer);
    }
    handler(happened);
  }
}

async::Co<bool> wait(std::shared_ptr<Waiter> waiter, std::optional<MonoTime> until) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(bool)>(
      [waiter, until](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
          slot.assign([weak = std::weak_ptr(waiter)](asio::cancellation_type) {
            if (const auto alive = weak.lock()) {
              alive->complete(false);
            }
          });
        }
        waiter->begin(
            [executor, taken = std::move(handler)](bool happened) mutable {
              asio::post(executor, [done = std::move(taken), happened]() mutable {
                std::move(done)(happened);
              });
            },
            until);
      },
      asio::use_awaitable);
}

}  // namespace holdfast::flow::embedded

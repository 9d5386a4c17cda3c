#include "core/async/co.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace holdfast::async {
namespace {

namespace asio = boost::asio;

// One completion of a sleep: by the clock or by cancellation, whichever takes the handler first.
template <class Handler>
class Sleep : public std::enable_shared_from_this<Sleep<Handler>> {
 public:
  Sleep(env::Clock& clock, Handler handler)
      : clock_(clock), handler_(std::make_unique<Handler>(std::move(handler))) {}

  void start(MonoTime when) {
    auto self = this->shared_from_this();
    auto slot = asio::get_associated_cancellation_slot(*handler_);
    if (slot.is_connected()) {
      slot.assign([weak = std::weak_ptr(self)](asio::cancellation_type) {
        if (auto alive = weak.lock()) {
          alive->complete(false);
        }
      });
    }
    const env::TimerId id = clock_.call_at(when, [self] { self->complete(true); });
    const std::lock_guard lock(mutex_);
    timer_ = id;
  }

 private:
  void complete(bool fired) {
    std::unique_ptr<Handler> handler;
    env::TimerId timer = 0;
    {
      const std::lock_guard lock(mutex_);
      handler.swap(handler_);
      timer = timer_;
    }
    if (!handler) {
      return;
    }
    if (!fired && timer != 0) {
      clock_.cancel(timer);
    }
    auto executor = asio::get_associated_executor(*handler);
    asio::post(executor,
               [taken = std::move(*handler), fired]() mutable { std::move(taken)(fired); });
  }

  env::Clock& clock_;
  std::mutex mutex_;
  std::unique_ptr<Handler> handler_;
  env::TimerId timer_ = 0;
};

}  // namespace

Co<bool> sleep_until(env::Clock& clock, MonoTime when) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(bool)>(
      [&clock, when](auto handler) {
        std::make_shared<Sleep<decltype(handler)>>(clock, std::move(handler))->start(when);
      },
      asio::use_awaitable);
}

Co<bool> sleep_for(env::Clock& clock, Nanoseconds duration) {
  return sleep_until(clock, clock.mono() + duration);
}

}  // namespace holdfast::async

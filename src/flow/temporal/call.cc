#include "flow/temporal/call.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <future>
#include <mutex>
#include <optional>

#include "core/base/log.h"
#include "flow/temporal/errors.h"

namespace holdfast::flow::temporal {
namespace {

namespace asio = boost::asio;

// 100 ms, 200 ms ... 5 s; slower when the server is at a limit.
Nanoseconds pause_after(const Error& error, int repeat) {
  const Nanoseconds first = error.code() == Code::kResourceExhausted
                                ? std::chrono::milliseconds(1000)
                                : std::chrono::milliseconds(100);
  return std::min<Nanoseconds>(first * (1 << std::min(repeat, 10)), std::chrono::seconds(5));
}

// One call and its repeats. It lives as long as its try or its pause is under way.
class Sending final : public std::enable_shared_from_this<Sending> {
 public:
  Sending(Connection& connection, env::Clock& clock, std::string method, std::string request,
          Limits limits, Connection::Done done)
      : connection_(connection),
        clock_(clock),
        method_(std::move(method)),
        request_(std::move(request)),
        limits_(limits),
        done_(std::move(done)) {}

  void start(std::stop_token stop) {
    if (stop.stop_possible()) {
      on_stop_.emplace(std::move(stop), [this] { cancel(); });
    }
    begin();
  }

 private:
  void begin() {
    auto call = connection_.begin(method_, request_, limits_.deadline,
                                  [self = shared_from_this()](Result<std::string> outcome) {
                                    self->answered(std::move(outcome));
                                  });
    std::unique_lock lock(mutex_);
    call_ = call;
    if (cancelled_) {
      lock.unlock();
      call->cancel();
    }
  }

  void answered(Result<std::string> outcome) {
    if (outcome || !may_repeat(outcome.error()) || repeat_ >= limits_.repeats) {
      return finish(std::move(outcome));
    }
    std::unique_lock lock(mutex_);
    if (cancelled_) {
      lock.unlock();
      return finish(std::move(outcome));
    }
    // What a poll that ends so had been given, the server gives again when its time is over.
    log_info("temporal.call_repeated", {{"call", method_}, {"error", outcome.error().to_string()}});
    const Nanoseconds pause = pause_after(outcome.error(), repeat_++);
    last_ = outcome.error();
    pause_ =
        clock_.call_at(clock_.mono() + pause, [self = shared_from_this()] { self->after_pause(); });
  }

  void after_pause() {
    {
      const std::lock_guard lock(mutex_);
      pause_.reset();
    }
    begin();
  }

  // From any thread, also while begin() has not returned.
  void cancel() {
    const auto self = weak_from_this().lock();
    if (!self) {
      return;  // its last owner lets it go just now
    }
    std::unique_lock lock(mutex_);
    cancelled_ = true;
    const auto call = call_.lock();
    const bool paused = pause_ && clock_.cancel(*pause_);
    lock.unlock();
    if (paused) {
      finish(*last_);
    } else if (call) {
      call->cancel();
    }
  }

  void finish(Result<std::string> outcome) { std::exchange(done_, nullptr)(std::move(outcome)); }

  Connection& connection_;
  env::Clock& clock_;
  const std::string method_;
  const std::string request_;
  const Limits limits_;
  Connection::Done done_;
  int repeat_ = 0;
  std::mutex mutex_;
  bool cancelled_ = false;
  std::weak_ptr<PendingCall> call_;
  std::optional<env::TimerId> pause_;
  std::optional<Error> last_;
  std::optional<std::stop_callback<std::function<void()>>> on_stop_;  // last: it waits for cancel()
};

}  // namespace

Error damaged_reply(std::string_view method) {
  return Error(Code::kDataLoss, "an answer of Temporal cannot be read")
      .with("call", std::string(method));
}

void Caller::send_then(std::string method, std::string request, Limits limits, std::stop_token stop,
                       Connection::Done done) const {
  std::make_shared<Sending>(connection_, clock_, std::move(method), std::move(request), limits,
                            std::move(done))
      ->start(std::move(stop));
}

async::Co<Result<std::string>> Caller::send(std::string method, std::string request,
                                            Limits limits) const {
  std::stop_source stop;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                          void(Result<std::string>)>(
      [&](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        if (auto slot = asio::get_associated_cancellation_slot(handler); slot.is_connected()) {
          slot.assign([stop](asio::cancellation_type) mutable { stop.request_stop(); });
        }
        send_then(method, std::move(request), limits, stop.get_token(),
                  [executor, taken = std::move(handler)](Result<std::string> outcome) mutable {
                    asio::post(executor,
                               [done = std::move(taken), value = std::move(outcome)]() mutable {
                                 std::move(done)(std::move(value));
                               });
                  });
      },
      asio::use_awaitable);
}

Result<std::string> Caller::send_blocking(std::string method, std::string request, Limits limits,
                                          std::stop_token stop) const {
  std::promise<Result<std::string>> promise;
  auto future = promise.get_future();
  send_then(std::move(method), std::move(request), limits, std::move(stop),
            [&promise](Result<std::string> outcome) { promise.set_value(std::move(outcome)); });
  return future.get();
}

}  // namespace holdfast::flow::temporal

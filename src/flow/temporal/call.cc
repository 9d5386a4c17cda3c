#include "flow/temporal/call.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <future>

#include "core/async/run.h"
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

// What a poll that ends so had been given, the server gives again when its time is over.
void tell_repeat(std::string_view method, const Error& error) {
  log_info("temporal.call_repeated", {{"call", std::string(method)}, {"error", error.to_string()}});
}

async::Co<Result<std::string>> once(Connection* connection, std::string method, std::string request,
                                    Nanoseconds deadline) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&,
                                          void(Result<std::string>)>(
      [&](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto pending = connection->begin(
            method, std::move(request), deadline,
            [executor, taken = std::move(handler)](Result<std::string> outcome) mutable {
              asio::post(executor, [done = std::move(taken), value = std::move(outcome)]() mutable {
                std::move(done)(std::move(value));
              });
            });
        if (slot.is_connected()) {
          slot.assign([weak = std::weak_ptr(pending)](asio::cancellation_type) {
            if (const auto alive = weak.lock()) {
              alive->cancel();
            }
          });
        }
      },
      asio::use_awaitable);
}

}  // namespace

Error damaged_reply(std::string_view method) {
  return Error(Code::kDataLoss, "an answer of Temporal cannot be read")
      .with("call", std::string(method));
}

async::Co<Result<std::string>> Caller::send(std::string method, std::string request,
                                            Nanoseconds deadline, int repeats) const {
  for (int repeat = 0;; ++repeat) {
    Result<std::string> answer = co_await once(&connection_, method, request, deadline);
    if (answer || !may_repeat(answer.error()) || repeat >= repeats) {
      co_return answer;
    }
    const Nanoseconds pause = pause_after(answer.error(), repeat);
    tell_repeat(method, answer.error());
    if (!co_await async::sleep_for(clock_, pause)) {
      co_return answer;
    }
  }
}

Result<std::string> Caller::send_blocking(std::string_view method, const std::string& request,
                                          Nanoseconds deadline, int repeats,
                                          std::stop_token stop) const {
  for (int repeat = 0;; ++repeat) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    auto future = promise->get_future();
    const auto pending = connection_.begin(
        method, request, deadline,
        [promise](Result<std::string> outcome) { promise->set_value(std::move(outcome)); });
    const std::stop_callback cancel(stop, [&pending] { pending->cancel(); });
    Result<std::string> answer = future.get();
    if (answer || !may_repeat(answer.error()) || repeat >= repeats || stop.stop_requested()) {
      return answer;
    }
    tell_repeat(method, answer.error());
    if (!async::wait_blocking(clock_, pause_after(answer.error(), repeat), stop)) {
      return answer;
    }
  }
}

}  // namespace holdfast::flow::temporal

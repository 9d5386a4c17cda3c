// From a callback to a coroutine.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <utility>

#include "core/async/co.h"

namespace holdfast::flow::embedded {

// Suspends until `begin(done)` has called its `done`, on whatever thread; goes on on the caller's
// executor.
template <class R, class Begin>
async::Co<R> completion(Begin begin) {
  namespace asio = boost::asio;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(R)>(
      [&begin](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        begin([executor, taken = std::move(handler)](R outcome) mutable {
          asio::post(executor, [done = std::move(taken), value = std::move(outcome)]() mutable {
            std::move(done)(std::move(value));
          });
        });
      },
      asio::use_awaitable);
}

}  // namespace holdfast::flow::embedded

// Bridges between threads and coroutines. Heavier than co.h: include in .cc files and tests.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>

#include <exception>
#include <future>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

#include "core/async/co.h"
#include "core/async/pool.h"

namespace holdfast::async {

// Blocks this thread until `co` has run on `executor`. Never call it on a thread of that executor.
template <class T>
T block_on(Executor executor, Co<T> co) {
  return boost::asio::co_spawn(executor, std::move(co), boost::asio::use_future).get();
}

// Blocks this thread for `duration` of the clock's time; false when `stop` was asked for first.
bool wait_blocking(env::Clock& clock, Nanoseconds duration, std::stop_token stop);

// Runs the callable on `pool` and resumes where the caller was. `f` is taken by value.
template <class F>
Co<std::invoke_result_t<F>> run_on(Pool& pool, F f) {
  using T = std::invoke_result_t<F>;
  auto work = [](F call) -> Co<T> { co_return call(); };
  Co<T> task = work(std::move(f));
  co_return co_await boost::asio::co_spawn(pool.executor(), std::move(task),
                                           boost::asio::use_awaitable);
}

}  // namespace holdfast::async

// The coroutine type for I/O and the few verbs to run one. Rules: docs/coroutines.md.
//
// A `Co<Result<T>>` reports errors by value; an exception out of one is a defect. Parameters go by
// value or shared_ptr. Every Co runs on some asio executor; blocking calls and CPU work go to a
// Pool.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/env/clock.h"

namespace holdfast::async {

template <class T>
using Co = boost::asio::awaitable<T>;
using Executor = boost::asio::any_io_executor;

// Suspends until the clock says so; `true` normally, `false` when the coroutine was cancelled.
Co<bool> sleep_until(env::Clock& clock, MonoTime when);
Co<bool> sleep_for(env::Clock& clock, Nanoseconds duration);

}  // namespace holdfast::async

#include "core/async/trace.h"

#include <gtest/gtest.h>

#include "core/async/run.h"
#include "core/env/posix/system_clock.h"

namespace holdfast::async {
namespace {

Co<std::string> inner_trace(env::Clock& clock) {
  co_await sleep_for(clock, std::chrono::milliseconds(1));
  co_return current_trace().request;
}

// What a coroutine sees before and after it was suspended, by sleeping and by work elsewhere.
Co<std::string> traces(env::Clock& clock, Pool& other) {
  std::string seen = current_trace().request;
  seen += "," + co_await inner_trace(clock);
  const std::string there = co_await run_on(other, [] { return current_trace().request; });
  seen += "," + there + "," + current_trace().request;
  co_return seen;
}

TEST(Trace, StaysWithACoroutineAcrossItsSuspensions) {
  env::SystemClock clock;
  Pool pool("traced", 2);
  Pool other("other", 1);
  EXPECT_EQ(block_on(traced(pool.executor()), traces(clock, other)), ",,,");
  const TraceScope scope({.parent = "00-1-2-01", .request = "run_1"});
  EXPECT_EQ(current_trace().parent, "00-1-2-01");
  EXPECT_EQ(block_on(traced(pool.executor()), traces(clock, other)), "run_1,run_1,,run_1");
  EXPECT_EQ(block_on(pool.executor(), traces(clock, other)), ",,,");
}

TEST(Trace, KeepsThoseOfTwoCoroutinesOnOneThreadApart) {
  env::SystemClock clock;
  Pool pool("one", 1);
  Pool other("other", 1);
  std::vector<std::future<std::string>> seen;
  for (int i = 0; i < 20; ++i) {
    const TraceScope scope({.parent = "", .request = std::to_string(i)});
    seen.push_back(boost::asio::co_spawn(traced(pool.executor()), traces(clock, other),
                                         boost::asio::use_future));
  }
  for (int i = 0; i < 20; ++i) {
    const std::string own = std::to_string(i);
    EXPECT_EQ(seen[static_cast<size_t>(i)].get(), own + "," + own + ",," + own);
  }
}

TEST(Trace, OfAThreadEndsWithItsScope) {
  const TraceScope outer({.parent = "", .request = "outer"});
  {
    const TraceScope scope({.parent = "", .request = "inner"});
    EXPECT_EQ(current_trace().request, "inner");
  }
  EXPECT_EQ(current_trace().request, "outer");
}

}  // namespace
}  // namespace holdfast::async

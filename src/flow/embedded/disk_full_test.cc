// A disk that stays full: runs wait for it, lose nothing, repeat nothing, and try ever less often.
#include <latch>

#include "core/base/log.h"
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class DiskFull : public CacheTest {
 protected:
  DiskFull() {
    set_log_level(LogLevel::kError);  // injected faults are told by the tests themselves
    workflows.add("two", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      HF_CO_TRY_VOID(co_await ctx.activity("effect", Json("first")));
      co_return co_await ctx.activity("effect", Json("second"));
    });
    activities.add("effect", [this](ActivityContext&, const Json& input) -> Result<Json> {
      const std::string name(input.get_string());
      ledger.note("begin " + name);
      if (name == "first") {
        go_on.wait();
      }
      ledger.note("end " + name);
      return Json(name);
    });
  }

  std::latch go_on{1};
};

TEST_P(DiskFull, AnActivityThatEndedMeanwhileIsNotRepeated) {
  HF_SKIP_ON_POSTGRES();
  open();
  ASSERT_TRUE(start("two", "run"));
  ledger.wait_for("begin first");
  vfs.arm(1, db::Fault::kStaysFull);
  go_on.count_down();
  ledger.wait_for("end first");
  engine->wait_idle(/*activities=*/true);
  const auto before = engine->stats().transitions;
  for (int second = 0; second < 600; ++second) {
    advance(seconds(1));
  }
  EXPECT_TRUE(vfs.struck());
  // Tries after 1, 2, 4, 8, 16, 32, 32 ... seconds.
  EXPECT_LE(engine->stats().transitions - before, 24u);
  EXPECT_EQ(ledger.count("begin first"), 1);
  const Status refused = signal("run", "anything");
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);

  vfs.disarm();
  ASSERT_TRUE(run_to_end("run"));
  EXPECT_EQ(result("run").value(), Json("second"));
  EXPECT_EQ(ledger.count("begin first"), 1);
  EXPECT_EQ(ledger.count("begin second"), 1);
}

TEST_P(DiskFull, WhatWasRequestedIsServedAtOnceWhenThereIsSpaceAgain) {
  HF_SKIP_ON_POSTGRES();
  open();
  ASSERT_TRUE(start("two", "run"));
  ledger.wait_for("begin first");
  vfs.arm(1, db::Fault::kStaysFull);
  go_on.count_down();
  ledger.wait_for("end first");
  engine->wait_idle(/*activities=*/true);
  advance(minutes(5));
  vfs.disarm();
  EXPECT_TRUE(signal("run", "anything"));  // although the run's own inputs wait for their time
  ASSERT_TRUE(run_to_end("run"));
  EXPECT_EQ(ledger.count("begin first"), 1);
}

HF_WITH_AND_WITHOUT_CACHE(DiskFull);

}  // namespace
}  // namespace holdfast::flow::embedded

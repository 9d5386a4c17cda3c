// Another process holds the write lock of the database for longer than SQLite waits: runs wait for
// it, lose nothing, and repeat nothing.
#include <latch>

#include "core/base/log.h"
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

TEST(SlowLocked, DelaysARunAndRepeatsNothing) {
  HF_SKIP_ON_POSTGRES();
  set_log_level(LogLevel::kError);
  Bench bench;
  std::latch go_on{1};
  bench.workflows.add("two", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    HF_CO_TRY_VOID(status_of(co_await ctx.activity("effect", Json("first"))));
    co_return co_await ctx.activity("effect", Json("second"));
  });
  bench.activities.add("effect", [&](ActivityContext&, const Json& input) -> Result<Json> {
    bench.ledger.note("begin " + std::string(input.get_string()));
    if (input == Json("first")) {
      go_on.wait();
    }
    return input;
  });
  bench.open();
  ASSERT_TRUE(bench.start("two", "run"));
  bench.ledger.wait_for("begin first");

  db::Options how;
  how.vfs = bench.vfs.name();
  auto other = db::Database::open(bench.store.path(), migrations(), how);
  ASSERT_TRUE(other) << other.error().to_string();
  std::latch locked{1};
  std::latch unlock{1};
  (*other)->submit_write(
      [&](db::Connection&) -> Status {
        locked.count_down();
        unlock.wait();
        return {};
      },
      [](const Status&) {});
  locked.wait();
  go_on.count_down();
  bench.engine->wait_idle(/*activities=*/true);
  const Status refused = bench.signal("run", "anything");
  EXPECT_EQ(refused.error().retry(), Retry::kTransient);
  EXPECT_EQ(bench.describe("run")->activities.size(), 1u);

  unlock.count_down();
  other->reset();
  ASSERT_TRUE(bench.run_to_end("run"));
  EXPECT_EQ(bench.result("run").value(), Json("second"));
  EXPECT_EQ(bench.ledger.count("begin first"), 1);
  EXPECT_EQ(bench.ledger.count("begin second"), 1);
}

}  // namespace
}  // namespace holdfast::flow::embedded

// Updates: accepted or refused, answered once, the same in every replay, whole whatever fails.
#include <future>
#include <thread>

#include "core/base/log.h"
#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

struct Limits {
  std::int64_t limit = 10;
  bool done = false;
};

Task<Result<Json>> change_limit(WorkflowContext ctx, std::shared_ptr<Limits> limits, Json args) {
  HF_CO_TRY_VOID(co_await ctx.activity("note", args));
  limits->limit = get_int(args, "limit");
  if (limits->limit == 13) {
    co_return Error(Code::kFailedPrecondition, "not thirteen");
  }
  co_return Json(limits->limit);
}

Task<Result<Json>> finish(std::shared_ptr<Limits> limits) {
  limits->done = true;
  co_return Json("finishing");
}

Task<Result<Json>> limited(WorkflowContext& ctx) {
  auto limits = std::make_shared<Limits>();
  ctx.set_update(
      "limit", [ctx, limits](Json args) { return change_limit(ctx, limits, std::move(args)); },
      [](const Json& args) {
        return get_int(args, "limit") > 0
                   ? Status()
                   : Status(Error(Code::kInvalidArgument, "a limit is a positive number"));
      });
  ctx.set_update("finish", [limits](const Json&) { return finish(limits); });
  HF_CO_TRY_VOID(co_await ctx.wait_condition([limits] { return limits->done; }));
  co_return Json(limits->limit);
}

class UpdateTest : public CacheTest {
 protected:
  UpdateTest() {
    workflows.add("limited", limited);
    activities.add("note", [this](ActivityContext&, const Json& input) -> Result<Json> {
      ledger.note("limit " + std::to_string(get_int(input, "limit")));
      return Json();
    });
  }
  Result<Json> update(const std::string& name, Json args = {}, const std::string& id = "") {
    return wait(engine->client().update(ref(WorkflowId("w")), name, std::move(args), id));
  }
  void begin() {
    open();
    ASSERT_TRUE(start("limited", "w"));
    idle();
  }
};
HF_WITH_AND_WITHOUT_CACHE(UpdateTest);

TEST_P(UpdateTest, ChangesTheRunAndAnswers) {
  begin();
  EXPECT_EQ(update("limit", {{"limit", 20}}).value(), Json(20));
  EXPECT_EQ(update("finish").value(), Json("finishing"));
  EXPECT_EQ(result("w").value(), Json(20));
  const auto names = events("w");
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionUpdateAccepted"), 2);
  EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionUpdateCompleted"), 2);
}

TEST_P(UpdateTest, ARefusedOneLeavesNoTrace) {
  begin();
  const auto before = events("w");
  const auto refused = update("limit", {{"limit", 0}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(update("other").error().code(), Code::kNotFound);
  EXPECT_EQ(events("w"), before);
  EXPECT_EQ(update("limit", {{"limit", 5}}).value(), Json(5));
  EXPECT_EQ(update("finish").value(), Json("finishing"));
}

TEST_P(UpdateTest, AnErrorOfTheHandlerIsAnAnswer) {
  begin();
  const auto failed = update("limit", {{"limit", 13}});
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(failed.error().message(), "not thirteen");
  EXPECT_EQ(update("finish").value(), Json("finishing"));
}

TEST_P(UpdateTest, TheSameIdAsksOnceAlsoAfterARestart) {
  begin();
  EXPECT_EQ(update("limit", {{"limit", 20}}, "u1").value(), Json(20));
  EXPECT_EQ(update("limit", {{"limit", 99}}, "u1").value(), Json(20));
  restart();
  EXPECT_EQ(update("limit", {{"limit", 99}}, "u1").value(), Json(20));
  EXPECT_EQ(ledger.entries(), std::vector<std::string>{"limit 20"});
  EXPECT_EQ(update("finish").value(), Json("finishing"));
  EXPECT_EQ(update("limit", {{"limit", 99}}, "u1").value(), Json(20));
}

TEST_P(UpdateTest, AClosedRunSaysSo) {
  begin();
  EXPECT_EQ(update("finish").value(), Json("finishing"));
  ASSERT_TRUE(result("w"));
  EXPECT_EQ(update("limit", {{"limit", 1}}).error().code(), Code::kFailedPrecondition);
}

TEST_P(UpdateTest, ManyAtOnceAreAllAnswered) {
  begin();
  std::vector<std::thread> callers;
  std::atomic<int> answered = 0;
  async::Pool many("many", 4);
  for (int i = 1; i <= 8; ++i) {
    callers.emplace_back([&, i] {
      const auto answer = async::block_on(
          many.executor(),
          engine->client().update(ref(WorkflowId("w")), "limit", Json{{"limit", 100 + i}}, ""));
      answered += answer && *answer == Json(100 + i) ? 1 : 0;
    });
  }
  for (std::thread& caller : callers) {
    caller.join();
  }
  EXPECT_EQ(answered, 8);
  EXPECT_EQ(update("finish").value(), Json("finishing"));
}

// At each durable operation the process ends; the caller asks again under the same id.
TEST(SlowUpdateCrash, IsAskedOnceAndAnsweredWhateverOperationFails) {
  HF_SKIP_ON_POSTGRES();
  set_log_level(LogLevel::kError);
  for (std::uint64_t n = 1;; ++n) {
    SCOPED_TRACE(n);
    Bench bench;
    bench.workflows.add("limited", limited);
    bench.activities.add("note",
                         [](ActivityContext&, const Json&) -> Result<Json> { return Json(); });
    bench.open();
    ASSERT_TRUE(bench.start("limited", "w"));
    bench.idle();
    bench.vfs.arm(n, db::Fault::kKill);
    bool struck = false;
    const auto ask = [&](const std::string& name, const std::string& id) {
      // The update may never be answered by a process that is as good as dead: send, end, ask
      // again.
      auto sent = std::async(std::launch::async, [&] {
        async::Pool calls("ask", 1);
        return async::block_on(
            calls.executor(),
            bench.engine->client().update(ref(WorkflowId("w")), name, Json{{"limit", 20}}, id));
      });
      while (sent.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready &&
             !bench.vfs.struck()) {
      }
      struck = bench.vfs.struck();
      if (struck) {
        bench.engine->stop();
        (void)sent.get();
        bench.restart();
        return bench.wait(
            bench.engine->client().update(ref(WorkflowId("w")), name, Json{{"limit", 20}}, id));
      }
      return sent.get();
    };
    const auto first = ask("limit", "u1");
    ASSERT_TRUE(first) << first.error().to_string();
    EXPECT_EQ(*first, Json(20));
    bench.vfs.disarm();
    EXPECT_TRUE(
        bench.wait(bench.engine->client().update(ref(WorkflowId("w")), "finish", {}, "u2")));
    EXPECT_EQ(bench.result("w").value(), Json(20));
    const auto names = bench.events("w");
    EXPECT_EQ(std::ranges::count(names, "WorkflowExecutionUpdateAccepted"), 2);
    if (!struck) {
      EXPECT_GT(n, 6u);
      break;
    }
  }
}

}  // namespace
}  // namespace holdfast::flow::embedded

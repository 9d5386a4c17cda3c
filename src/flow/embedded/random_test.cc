// Random workflows against a model: a program is drawn from a seed, interpreted by workflow code
// and by ten lines of plain C++; both must tell the same story, also when the engine is taken down
// at drawn moments and its memory of runs is switched off.
#include <cstdlib>

#include "flow/embedded/engine_fixture.h"

namespace holdfast::flow::embedded {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : generator_(seed) {}
  int below(int limit) { return static_cast<int>(generator_() % static_cast<unsigned>(limit)); }

 private:
  std::mt19937_64 generator_;
};

// A program: steps in sequence. Timers are distinct within a race, so that the model knows the
// winner.
Json draw_step(Dice& dice, int depth) {
  switch (dice.below(depth > 0 ? 6 : 4)) {
    case 0:
      return {{"do", "activity"}, {"n", dice.below(100)}, {"fail", dice.below(3)}};
    case 1:
      return {{"do", "timer"}, {"minutes", dice.below(90)}};
    case 2:
      return {{"do", "race"}, {"a", 2 * dice.below(50)}, {"b", 2 * dice.below(50) + 1}};
    case 3:
      return {{"do", "hopeless"}};
    default: {
      JsonArray branches;
      const int count = 1 + dice.below(3);
      for (int i = 0; i < count; ++i) {
        JsonArray steps;
        const int length = 1 + dice.below(3);
        for (int j = 0; j < length; ++j) {
          steps.push_back(draw_step(dice, depth - 1));
        }
        branches.push_back(std::move(steps));
      }
      return {{"do", "parallel"}, {"branches", std::move(branches)}};
    }
  }
}

JsonArray draw_program(Dice& dice) {
  JsonArray steps;
  const int length = 1 + dice.below(6);
  for (int i = 0; i < length; ++i) {
    steps.push_back(draw_step(dice, 2));
  }
  return steps;
}

Json model(const JsonArray& steps) {
  JsonArray story;
  for (const Json& step : steps) {
    const std::string what = get_string(step, "do");
    if (what == "activity") {
      story.emplace_back(2 * get_int(step, "n"));
    } else if (what == "timer") {
      story.emplace_back("slept");
    } else if (what == "race") {
      story.emplace_back(get_int(step, "a") < get_int(step, "b") ? "a" : "b");
    } else if (what == "hopeless") {
      story.emplace_back("invalid_argument");
    } else {
      JsonArray branches;
      for (const Json& branch : step.at("branches").as_array()) {
        branches.push_back(model(branch.as_array()));
      }
      story.emplace_back(std::move(branches));
    }
  }
  return Json(std::move(story));
}

Task<Result<Json>> interpret(WorkflowContext ctx, Json steps);

Task<Result<Json>> interpret_step(WorkflowContext ctx, Json step) {
  const std::string what = get_string(step, "do");
  if (what == "activity" || what == "hopeless") {
    const Result<Json> outcome = co_await ctx.activity(what, step);
    co_return outcome ? *outcome : Json(describe(outcome.error().code()).name);
  }
  if (what == "timer") {
    HF_CO_TRY_VOID(co_await ctx.timer(minutes(get_int(step, "minutes"))));
    co_return Json("slept");
  }
  if (what == "race") {
    const auto a = ctx.timer(minutes(get_int(step, "a")));
    const auto b = ctx.timer(minutes(get_int(step, "b")));
    HF_CO_TRY(const std::size_t first, co_await wait_any(ctx, a, b));
    a.cancel();
    b.cancel();
    co_return Json(first == 0 ? "a" : "b");
  }
  std::vector<Future<Result<Json>>> branches;
  for (const Json& branch : step.at("branches").as_array()) {
    branches.push_back(ctx.fork(interpret(ctx, branch)));
  }
  JsonArray stories;
  for (const auto& branch : branches) {
    HF_CO_TRY(Json story, co_await branch);
    stories.push_back(std::move(story));
  }
  co_return Json(std::move(stories));
}

Task<Result<Json>> interpret(WorkflowContext ctx, Json steps) {
  JsonArray story;
  for (const Json& step : steps.as_array()) {
    HF_CO_TRY(Json told, co_await interpret_step(ctx, step));
    story.push_back(std::move(told));
  }
  co_return Json(std::move(story));
}

Task<Result<Json>> program(WorkflowContext& ctx) { co_return co_await interpret(ctx, ctx.input()); }

void check_programs(std::uint64_t seed, int programs, bool restarts, std::size_t cache) {
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed));
  Dice dice(seed);
  Bench bench;
  bench.options.cache_size = cache;
  bench.workflows.add("program", program);
  bench.activities.add("activity", [](ActivityContext& ctx, const Json& step) -> Result<Json> {
    if (ctx.info().attempt <= get_int(step, "fail")) {
      return Error(Code::kUnavailable, "again", Retry::kTransient);
    }
    return Json(2 * get_int(step, "n"));
  });
  bench.activities.add("hopeless", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kInvalidArgument, "never");
  });
  bench.open();
  std::vector<JsonArray> drawn;
  for (int i = 0; i < programs; ++i) {
    drawn.push_back(draw_program(dice));
    ASSERT_TRUE(bench.start("program", "w" + std::to_string(i), Json(drawn.back())));
  }
  ListQuery open_runs;
  open_runs.statuses = {RunStatus::kRunning};
  while (!bench.wait(bench.engine->client().list(open_runs))->runs.empty()) {
    if (restarts && dice.below(4) == 0) {
      bench.restart();  // wherever it is: activities and commits may be under way
    } else {
      bench.idle();
      bench.clock.advance_to_next();
    }
  }
  for (int i = 0; i < programs; ++i) {
    const std::string id = "w" + std::to_string(i);
    const auto done = bench.result(id);
    ASSERT_TRUE(done) << done.error().to_string();
    EXPECT_EQ(*done, model(drawn[static_cast<std::size_t>(i)]))
        << to_text(Json(drawn[static_cast<std::size_t>(i)]));
    bench.idle();
    const Status replayed = replay_history(bench.history_json(id), bench.workflows);
    EXPECT_TRUE(replayed) << replayed.error().to_string();
  }
}

std::uint64_t seed() {
  const char* text = std::getenv("HOLDFAST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : 7;
}

TEST(RandomWorkflows, DoWhatTheModelSays) { check_programs(seed(), 20, false, 1000); }
TEST(RandomWorkflows, DoWhatTheModelSaysWithoutMemory) { check_programs(seed(), 20, false, 0); }
TEST(RandomWorkflows, DoWhatTheModelSaysWhenTakenDown) { check_programs(seed(), 20, true, 3); }

TEST(SlowRandomWorkflows, DoWhatTheModelSays) {
  for (std::uint64_t i = 0; i < 30; ++i) {
    check_programs(seed() + i, 15, i % 2 == 0, i % 3 == 0 ? 0 : 5);
  }
}

}  // namespace
}  // namespace holdfast::flow::embedded

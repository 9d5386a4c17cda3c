// A worker for clients and activities of other makers: tests/compat/sdk_test.py runs this test
// as a process of its own and talks to it with an official SDK.
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "flow/history_json.h"
#include "flow/replay/execution.h"
#include "flow/temporal/testing/stage.h"

namespace holdfast::flow::temporal {
namespace {

struct Words {
  JsonArray heard;
  bool done = false;
};

Task<Result<Json>> last_word(std::shared_ptr<Words> words, Json word) {
  words->heard.push_back(std::move(word));
  words->done = true;
  co_return Json(words->heard.size());
}

// Hears words by signal, answers a query, has each of them shouted by the other side's worker, and
// ends with an update.
Task<Result<Json>> conversation(WorkflowContext& ctx) {
  const auto words = std::make_shared<Words>();
  ctx.set_query("heard", [words](const Json&) -> Result<Json> { return Json(words->heard); });
  ctx.on_signal("word", [words](const Json& word) { words->heard.push_back(word); });
  ctx.set_update(
      "last", [words](Json word) { return last_word(words, std::move(word)); },
      [](const Json& word) {
        return word.is_string() ? Status()
                                : Status(Error(Code::kInvalidArgument, "a word is text"));
      });
  HF_CO_TRY_VOID(co_await ctx.wait_condition([words] { return words->done; }));
  ActivityOptions theirs;
  theirs.queue = get_string(ctx.input(), "queue");
  theirs.retry.max_attempts = 2;
  JsonArray shouted;
  for (const Json& word : JsonArray(words->heard)) {
    HF_CO_TRY(Json loud, co_await ctx.activity("shout", word, theirs));
    shouted.push_back(std::move(loud));
  }
  const auto refused = co_await ctx.activity("shout", Json(""), theirs);
  co_return Json(JsonObject{{"shouted", std::move(shouted)},
                            {"refused", refused ? "no" : refused.error().to_string()}});
}

// What bench/flow_temporal.py measures.
Task<Result<Json>> sequence(WorkflowContext& ctx) {
  Json word = ctx.input();
  for (int i = 0; i < 5; ++i) {
    HF_CO_TRY(word, co_await ctx.activity("noop", word));
  }
  co_return word;
}

// HF_PEER_TIMES replays of the history in the file HF_PEER_HISTORY; prints events per second.
TEST(TemporalPeer, DISABLED_Replay) {
  const char* file = std::getenv("HF_PEER_HISTORY");
  const char* times = std::getenv("HF_PEER_TIMES");
  ASSERT_TRUE(file && times);
  std::ifstream stream(file);
  const auto json = parse_json(std::string((std::istreambuf_iterator<char>(stream)), {}), 1 << 24);
  ASSERT_TRUE(json) << json.error().to_string();
  const auto events = import_history(*json);
  ASSERT_TRUE(events) << events.error().to_string();
  WorkflowRegistry workflows;
  workflows.add("sequence", sequence);
  env::SystemClock clock;
  const MonoTime began = clock.mono();
  const int count = std::atoi(times);
  for (int i = 0; i < count; ++i) {
    Execution execution(workflows);
    const Status replayed = execution.apply(*events);
    ASSERT_TRUE(replayed) << replayed.error().to_string();
    ASSERT_TRUE(execution.check_complete());
  }
  const std::chrono::duration<double> took = clock.mono() - began;
  std::printf("events a second: %.0f\n",
              count * static_cast<double>(events->size()) / took.count());
}

TEST(TemporalPeer, DISABLED_Worker) {
  const char* address = std::getenv("HF_PEER_ADDRESS");
  const char* queue = std::getenv("HF_PEER_QUEUE");
  ASSERT_TRUE(address && queue);
  env::SystemClock clock;
  env::SystemRandom random;
  WorkflowRegistry workflows;
  ActivityRegistry activities;
  workflows.add("conversation", conversation);
  workflows.add("sequence", sequence);
  activities.add("noop", [](ActivityContext&, const Json& word) -> Result<Json> { return word; });
  Options options;
  options.address = address;
  options.task_queue = queue;
  Engine engine(clock, random, workflows, activities, options);
  const Status started = engine.start();
  ASSERT_TRUE(started) << started.error().to_string();
  ::pause();
}

}  // namespace
}  // namespace holdfast::flow::temporal

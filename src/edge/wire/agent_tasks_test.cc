#include "edge/wire/agent_tasks.h"

#include <gtest/gtest.h>

namespace holdfast::wire {
namespace {

TEST(AgentTasks, ATaskSurvivesItsJson) {
  TaskOffer task;
  task.token = "t";
  task.type = "engine.backup";
  task.input = JsonObject{{"path", "/srv"}};
  task.details = Json();  // a heartbeat without details is not the same as none
  task.activity_id = "3";
  task.run_id = "r";
  task.workflow_id = "run_1";
  task.queue = "agent:db1";
  task.attempt = 2;
  task.remaining = std::chrono::milliseconds(1500);
  task.heartbeat_timeout = std::chrono::minutes(2);
  task.header = {{"traceparent", "00-a-b-01"}};
  const auto back = decode_task(parse_json(to_text(encode(task))).value());
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(encode(*back), encode(task));
  ASSERT_TRUE(back->details);
  EXPECT_TRUE(back->details->is_null());
  task.details = std::nullopt;
  task.remaining = std::nullopt;
  EXPECT_FALSE(decode_task(encode(task))->details);
  EXPECT_FALSE(decode_task(encode(task))->remaining);
}

TEST(AgentTasks, AnErrorKeepsItsCodeRetryContextAndCause) {
  const Error error = Error(Code::kConflict, "locked", Retry::kTransient)
                          .with("repository", "main")
                          .caused_by(Error(Code::kUnavailable, "gone", Retry::kUnknown));
  const auto back = decode_outcome(encode(Outcome{"t", error}));
  ASSERT_TRUE(back);
  ASSERT_FALSE(back->value);
  EXPECT_EQ(back->value.error().to_string(), error.to_string());
  EXPECT_EQ(back->value.error().retry(), Retry::kTransient);
  EXPECT_EQ(back->value.error().cause()->retry(), Retry::kUnknown);
}

TEST(AgentTasks, AnOutcomeIsAResultOrAnError) {
  const auto nothing = decode_outcome(encode(Outcome{"t", Json(nullptr)}));
  ASSERT_TRUE(nothing) << nothing.error().to_string();
  ASSERT_TRUE(nothing->value) << nothing->value.error().to_string();
  EXPECT_EQ(*nothing->value, Json(nullptr));
  EXPECT_FALSE(decode_outcome(JsonObject{{"token", "t"}}));
  EXPECT_FALSE(decode_outcome(JsonObject{{"result", 1}}));
  EXPECT_FALSE(decode_outcome(JsonObject{{"token", "t"}, {"result", 1}, {"more", 1}}));
}

TEST(AgentTasks, NobodyWaitsLongerThanTheServerAllows) {
  const auto long_one = decode_poll(JsonObject{{"instance", "i"}, {"wait_ms", 3'600'000}});
  ASSERT_TRUE(long_one);
  EXPECT_EQ(long_one->patience, kLongestPoll);
  EXPECT_FALSE(decode_poll(JsonObject{{"instance", "i"}, {"wait_ms", -1}}));
  EXPECT_FALSE(decode_poll(JsonObject{{"wait_ms", 1}}));
}

TEST(AgentTasks, AProblemIsItsErrorAgain) {
  const Error told = error_from_problem(
      409,
      R"({"code":"conflict","detail":"busy","retry":"transient","problems":[{"pointer":"","message":"x"}]})");
  EXPECT_EQ(told.code(), Code::kConflict);
  EXPECT_EQ(told.retry(), Retry::kTransient);
  EXPECT_EQ(told.to_string(), "busy (/: x)");
  EXPECT_EQ(error_from_problem(502, "<html>").retry(), Retry::kTransient);
  EXPECT_EQ(error_from_problem(404, "<html>").retry(), Retry::kPermanent);
}

}  // namespace
}  // namespace holdfast::wire

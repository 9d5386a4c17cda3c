// Messages and JSON, without a server.
#include "flow/temporal/convert.h"
#include "core/env/posix/system_clock.h"

#include "flow/temporal/connection.h"
#include "flow/temporal/errors.h"
#include "flow/temporal/events.h"
#include "flow/temporal/proto/command.pb.h"
#include "flow/temporal/proto/history.pb.h"
#include "flow/temporal/testing/stage.h"
#include "flow/temporal/visibility.h"

namespace holdfast::flow::temporal {
namespace {

namespace history = ::temporal::api::history::v1;

Task<Result<Json>> eventful(WorkflowContext& ctx) {
  ctx.upsert_memo({{"phase", "begin"}});
  ctx.upsert_search_attributes({{"resource", "db"}, {"size", 3}, {"tags", JsonArray{"a", "b"}}});
  ActivityOptions options;
  options.retry.non_retryable = {"data_loss"};
  options.retry.maximum = milliseconds(1);
  options.retry.initial = milliseconds(1);
  options.schedule_to_close = milliseconds(2500);
  options.heartbeat = seconds(3);
  HF_CO_TRY_VOID(co_await ctx.activity("flaky", Json(JsonObject{{"n", 1.5}}), options));
  const auto broken = co_await ctx.activity("broken", {});
  const auto left = ctx.timer(std::chrono::hours(1));
  HF_CO_TRY_VOID(co_await ctx.timer(milliseconds(1)));
  left.cancel();
  HF_CO_TRY(const Json heard, co_await ctx.wait_signal("go"));
  const Child child = ctx.child("failing", heard);
  const auto outcome = co_await child.result;
  co_return Json(outcome.error().to_string() + broken.error().to_string());
}

void prepare_eventful(stories::EmbeddedStage& stage) {
  stage.workflows.add("eventful", eventful);
  stage.workflows.add("failing", [](WorkflowContext&) -> Task<Result<Json>> {
    co_return Error(Code::kTargetMissed, "missed")
        .with("by", "1h")
        .caused_by(Error(Code::kUnavailable, "away"));
  });
  stage.activities.add("flaky", [](ActivityContext& ctx, const Json& input) -> Result<Json> {
    if (ctx.info().attempt == 1) {
      return Error(Code::kUnavailable, "once", Retry::kTransient);
    }
    return input;
  });
  stage.activities.add("broken", [](ActivityContext&, const Json&) -> Result<Json> {
    return Error(Code::kDataLoss, "damaged").with("pack", "p");
  });
}

// Proto3 does not send what is false.
Json without_false(const Json& value) {
  if (!value.is_object()) {
    return value;
  }
  JsonObject out;
  for (const auto& [key, one] : value.get_object()) {
    if (one != Json(false)) {
      out[key] = without_false(one);
    }
  }
  return Json(std::move(out));
}

TEST(Convert, AHistoryComesBackFromTheWireAsItWas) {
  stories::EmbeddedStage stage;
  prepare_eventful(stage);
  stage.open();
  StartOptions how;
  how.header = {{"traceparent", "00-1"}};
  how.memo = {{"why", "test"}};
  how.search_attributes = {{"resource", "x"}};
  ASSERT_TRUE(stage.start("eventful", "a", Json(JsonArray{1, "two", nullptr}), how));
  ASSERT_TRUE(stage.signal("a", "go", Json(true)));
  const auto outcome = stage.result("a");
  ASSERT_TRUE(outcome) << outcome.error().to_string();
  for (const HistoryEvent& shown : stage.history("a")) {
    const Event event{shown.id, shown.time, event_type_from(shown.type),
                      shown.attributes.get_object(), false};
    history::HistoryEvent wired;
    const Status converted = from_event(event, wired);
    ASSERT_TRUE(converted) << converted.error().to_string();
    history::HistoryEvent received;
    ASSERT_TRUE(received.ParseFromString(wired.SerializeAsString()));
    const Event back = to_event(received);
    EXPECT_EQ(back.id, event.id);
    EXPECT_EQ(back.time, event.time);
    EXPECT_EQ(back.type, event.type);
    for (const auto& [key, value] : event.attributes) {
      const Json* found = back.attributes.if_contains(key);
      if (value != Json(JsonObject())) {
        EXPECT_TRUE(found && *found == without_false(value))
            << shown.type << "." << key << ": " << to_text(value) << " became "
            << (found ? to_text(*found) : "nothing");
      }
    }
  }
}

TEST(Convert, AnEventOfAnUnknownTypeSaysWhetherItMayBeIgnored) {
  history::HistoryEvent wired;
  wired.set_event_id(7);
  wired.set_event_type(static_cast<::temporal::api::enums::v1::EventType>(4711));
  wired.set_worker_may_ignore(true);
  const Event event = to_event(wired);
  EXPECT_EQ(event.type, EventType::kUnknown);
  EXPECT_TRUE(event.may_be_ignored);
}

TEST(Convert, AWrongTypeIsNamed) {
  ::temporal::api::command::v1::Command wired;
  detail::Command command;
  command.event = EventType::kTimerCanceled;
  command.attributes = {{"timerId", 5}};
  const Status converted = to_command(command, {}, wired);
  ASSERT_FALSE(converted);
  EXPECT_THAT(converted.error().to_string(), testing::HasSubstr("timer_id"));
}

TEST(Convert, AFilterQuotesWhatItIsGiven) {
  ListQuery query;
  query.statuses = {RunStatus::kRunning, RunStatus::kFailed};
  query.type = "it's";
  query.attributes = {{"resource_id", Json("a'b\\c")}, {"size", Json(3)}};
  EXPECT_EQ(
      list_filter(query, "q"),
      "TaskQueue = 'q' AND ExecutionStatus IN ('Running','Failed') AND WorkflowType = 'it\\'s' AND "
      "`resource_id` = 'a\\'b\\\\c' AND `size` = 3");
}

TEST(Connect, RefusesTlsOptionsThatCannotWork) {
  env::SystemClock clock;
  const auto problem = [&](const Options& options) {
    const auto opened = Connection::open(clock, options);
    return opened ? std::string() : opened.error().to_string();
  };
  Options options;
  options.tls = {true, "/nowhere/ca.pem", "", "", ""};
  EXPECT_THAT(problem(options), testing::AllOf(testing::HasSubstr("flow.temporal.tls.ca"),
                                               testing::HasSubstr("/nowhere/ca.pem")));
  options.tls = {true, "", "", "/nowhere/key.pem", ""};
  EXPECT_THAT(problem(options), testing::HasSubstr("together"));
  options.tls = {};
  options.api_key_file = "/nowhere/key";
  EXPECT_THAT(problem(options), testing::HasSubstr("TLS"));
}

TEST(SlowConnect, AServerThatIsNotThereIsNamed) {
  stories::EmbeddedStage registries;
  Options options;
  options.address = "127.0.0.1:1";
  Engine engine(registries.clock, registries.random, registries.workflows, registries.activities,
                options);
  const Status started = engine.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code(), Code::kUnavailable);
  EXPECT_THAT(started.error().to_string(), testing::HasSubstr("127.0.0.1:1"));
}

TEST(Errors, AClosedRunIsAFailedPrecondition) {
  EXPECT_EQ(call_error(5, "workflow execution already completed", "").code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(call_error(5, "workflow not found for ID: x", "").code(), Code::kNotFound);
  EXPECT_FALSE(may_repeat(call_error(8, "grpc: received message larger than max (5 vs. 4)", "")));
  EXPECT_TRUE(may_repeat(call_error(14, "connection refused", "")));
}

}  // namespace
}  // namespace holdfast::flow::temporal

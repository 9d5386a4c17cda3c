#include "edge/api/agent_tasks.h"

#include <gtest/gtest.h>

#include <deque>

#include "core/async/run.h"
#include "core/audit/audit.h"
#include "core/db/testing/temp_database.h"
#include "core/env/posix/posix_file_system.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "domain/inventory/catalog.h"
#include "edge/api/gateway.h"
#include "flow/embedded/engine.h"

namespace holdfast::api {
namespace {

const UtcTime kNow{std::chrono::seconds(1'000'000'000)};

// Hands out what the test put in; otherwise waits as long as it is asked to.
class ScriptedTasks final : public flow::TaskClient {
 public:
  explicit ScriptedTasks(env::Clock& clock) : clock_(clock) {}

  flow::Co<Result<std::optional<flow::ActivityTask>>> poll(std::string queue, std::string identity,
                                                           Nanoseconds patience) override {
    identities.push_back(std::move(identity));
    if (offered.empty()) {
      waiting.fetch_add(1);
      waiting.notify_all();
      co_await async::sleep_for(clock_, patience);
      waiting.fetch_sub(1);
      co_return std::optional<flow::ActivityTask>();
    }
    flow::ActivityTask task = offered.front();
    offered.pop_front();
    task.info.queue = queue;
    co_return std::optional(std::move(task));
  }
  flow::Co<Result<flow::HeartbeatAnswer>> heartbeat(std::string token, Json details) override {
    beats.emplace_back(std::move(token), std::move(details));
    co_return flow::HeartbeatAnswer{stop};
  }
  flow::Co<Status> complete(std::string token, Result<Json> outcome) override {
    outcomes.emplace_back(std::move(token), std::move(outcome));
    co_return refusal ? Status(*refusal) : Status();
  }
  void wait_for_polls(int count) {
    for (int seen = waiting.load(); seen != count; seen = waiting.load()) {
      waiting.wait(seen);
    }
  }

  std::deque<flow::ActivityTask> offered;
  std::vector<std::string> identities;
  std::vector<std::pair<std::string, Json>> beats;
  std::vector<std::pair<std::string, Result<Json>>> outcomes;
  flow::StopReason stop = flow::StopReason::kNone;
  std::optional<Error> refusal;
  std::atomic<int> waiting = 0;

 private:
  env::Clock& clock_;
};

db::Migrations all_migrations() {
  db::Migrations all = access::migrations();
  for (const auto& part :
       {audit::migrations(), inventory::migrations(), flow::embedded::migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

class AgentGateway : public testing::Test {
 protected:
  void SetUp() override {
    services_.agent_asks_now = [this](const std::string& id) { return agents_.asks_now(id); };
    owner_ = add_key("owner", access::Scopes{access::Scope::kAdmin});
  }

  std::string add_key(const std::string& name, access::Scopes scopes) {
    const SecretString text = access::make_key_text(random_);
    const access::ApiKey key{"key_" + name, name, scopes, kNow, std::nullopt};
    EXPECT_TRUE(
        database_.write([&](db::Connection& sql) { return access::add_key(sql, key, text); }));
    return text.expose();
  }
  std::shared_ptr<net::HttpRequest> request(const std::string& method, const std::string& path,
                                            const std::string& key, const Json& body) {
    auto made = std::make_shared<net::HttpRequest>();
    made->method = method;
    made->path = path;
    made->headers["authorization"] = "Bearer " + key;
    made->headers["content-type"] = "application/json";
    made->body = body.is_null() ? "" : to_text(body);
    made->peer = "10.0.0.7";
    return made;
  }
  net::HttpReply ask(std::shared_ptr<const net::HttpRequest> request) {
    return async::block_on(pool_.executor(), gateway_.handle(std::move(request)));
  }
  net::HttpReply post(const std::string& path, const std::string& key, const Json& body) {
    return ask(request("POST", path, key, body));
  }
  std::future<net::HttpReply> begin(std::shared_ptr<const net::HttpRequest> request) {
    return boost::asio::co_spawn(pool_.executor(), gateway_.handle(std::move(request)),
                                 boost::asio::use_future);
  }
  std::string add_agent(const std::string& name) {
    const auto reply = post("/v1/agents", owner_, JsonObject{{"name", name}});
    EXPECT_EQ(reply.status, 201) << reply.body;
    return get_string(json(reply), "key");
  }
  static Json json(const net::HttpReply& reply) { return parse_json(reply.body).value_or(Json()); }
  static Json question(const std::string& instance) {
    return JsonObject{{"instance", instance},
                      {"version", "1"},
                      {"host", "h"},
                      {"repositories", JsonArray{"main"}},
                      {"wait_ms", 50'000}};
  }
  static flow::ActivityTask task(const std::string& token) {
    flow::ActivityTask made;
    made.token = token;
    made.info.type = "engine.backup";
    made.info.workflow_id = flow::WorkflowId("run_1");
    made.info.run_id = flow::RunId("r1");
    made.info.activity_id = "4";
    made.info.deadline = kNow + std::chrono::hours(1);
    made.info.heartbeat_timeout = std::chrono::minutes(2);
    made.info.header = {{"traceparent", "00-1-2-01"}};
    made.input = JsonObject{{"read_path", "/srv"}};
    return made;
  }

  env::ManualClock clock_{kNow};
  env::SeededRandom random_{3};
  env::PosixFileSystem files_;
  async::Pool pool_{"test", 1};
  db::TempDatabase database_{all_migrations()};
  protect::ServerContext context_{*database_, clock_, random_, database_.directory(),
                                  "server",   "UTC"};
  activities::DataContext data_{clock_, random_, files_, pool_};
  flow::WorkflowRegistry workflows_;
  flow::ActivityRegistry activities_;
  flow::embedded::Engine engine_{*database_, clock_, random_, workflows_, activities_};
  protect::Services services_{context_, data_, engine_.client(), {}};
  ScriptedTasks tasks_{clock_};
  AgentTasks agents_{context_, tasks_, Buffer(32, 1)};
  Gateway gateway_{services_, {}, agents_};
  std::string owner_;
};

TEST_F(AgentGateway, AnAgentGetsATaskOfItsQueueBeatsAndEndsIt) {
  const std::string key = add_agent("db1");
  tasks_.offered.push_back(task(std::string("raw\0token", 9)));
  const auto reply = post("/v1/agent/tasks/poll", key, question("i1"));
  ASSERT_EQ(reply.status, 200) << reply.body;
  const auto offer = wire::decode_task(json(reply)).value();
  EXPECT_EQ(offer.queue, "agent:db1");
  EXPECT_EQ(offer.remaining, std::chrono::hours(1));
  EXPECT_EQ(offer.header.at("traceparent"), "00-1-2-01");
  EXPECT_EQ(offer.token.find("raw"), std::string::npos);
  EXPECT_EQ(tasks_.identities.front(), "db1@h");

  const Json beat = JsonObject{{"token", offer.token}, {"details", JsonObject{{"done", 7}}}};
  EXPECT_TRUE(json(post("/v1/agent/tasks/heartbeat", key, beat)).at("stop").is_null());
  EXPECT_EQ(tasks_.beats.front().first, std::string("raw\0token", 9));
  tasks_.stop = flow::StopReason::kCancelled;
  EXPECT_EQ(get_string(json(post("/v1/agent/tasks/heartbeat", key, beat)), "stop"), "cancelled");

  const Error failed(Code::kConflict, "locked", Retry::kTransient);
  const auto told =
      post("/v1/agent/tasks/complete", key, wire::encode(wire::Outcome{offer.token, failed}));
  EXPECT_EQ(told.status, 200) << told.body;
  ASSERT_EQ(tasks_.outcomes.size(), 1u);
  EXPECT_EQ(tasks_.outcomes.front().second.error().retry(), Retry::kTransient);
}

TEST_F(AgentGateway, AnOutcomeThatIsSaidTwiceGetsItsFirstAnswer) {
  const std::string key = add_agent("db1");
  tasks_.offered.push_back(task("t"));
  const auto offer =
      wire::decode_task(json(post("/v1/agent/tasks/poll", key, question("i1")))).value();
  for (int i = 0; i < 2; ++i) {
    auto said = request("POST", "/v1/agent/tasks/complete", key,
                        wire::encode(wire::Outcome{offer.token, Json(1)}));
    said->headers["idempotency-key"] = "complete/1";
    EXPECT_EQ(ask(said).status, 200);
  }
  EXPECT_EQ(tasks_.outcomes.size(), 1u);
}

TEST_F(AgentGateway, ATaskThatIsOverIsNotFoundAndSaysNotToTryAgain) {
  const std::string key = add_agent("db1");
  tasks_.offered.push_back(task("t"));
  const auto offer =
      wire::decode_task(json(post("/v1/agent/tasks/poll", key, question("i1")))).value();
  tasks_.refusal = Error(Code::kNotFound, "the attempt is over");
  const auto reply =
      post("/v1/agent/tasks/complete", key, wire::encode(wire::Outcome{offer.token, Json(1)}));
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(get_string(json(reply), "code"), "not_found");
  EXPECT_EQ(get_string(json(reply), "retry"), "permanent");
}

TEST_F(AgentGateway, AnAgentCannotSpeakForTheTaskOfAnother) {
  const std::string first = add_agent("db1");
  const std::string second = add_agent("db2");
  tasks_.offered.push_back(task("t"));
  const auto offer =
      wire::decode_task(json(post("/v1/agent/tasks/poll", first, question("i1")))).value();
  const Json outcome = wire::encode(wire::Outcome{offer.token, Json(1)});
  EXPECT_EQ(post("/v1/agent/tasks/complete", second, outcome).status, 404);
  EXPECT_EQ(post("/v1/agent/tasks/heartbeat", second, JsonObject{{"token", offer.token}}).status,
            404);
  std::string forged = offer.token;
  forged.front() = forged.front() == 'A' ? 'B' : 'A';
  EXPECT_EQ(post("/v1/agent/tasks/heartbeat", first, JsonObject{{"token", forged}}).status, 404);
  EXPECT_EQ(post("/v1/agent/tasks/heartbeat", first, JsonObject{{"token", "x"}}).status, 400);
  EXPECT_TRUE(tasks_.outcomes.empty());
  EXPECT_TRUE(tasks_.beats.empty());
}

TEST_F(AgentGateway, ATokenHoldsAfterTheServerStartedAgain) {
  const std::string key = add_agent("db1");
  tasks_.offered.push_back(task("t"));
  const auto offer =
      wire::decode_task(json(post("/v1/agent/tasks/poll", key, question("i1")))).value();
  AgentTasks restarted(context_, tasks_, Buffer(32, 1));
  Gateway gateway(services_, {}, restarted);
  const auto reply = async::block_on(
      pool_.executor(), gateway.handle(request("POST", "/v1/agent/tasks/complete", key,
                                               wire::encode(wire::Outcome{offer.token, Json(1)}))));
  EXPECT_EQ(reply.status, 200) << reply.body;
}

TEST_F(AgentGateway, AnAgentsKeyOpensNothingElseAndNoOtherKeyItsTasks) {
  const std::string key = add_agent("db1");
  for (const char* path : {"/v1/agents", "/v1/resources", "/v1/runs", "/v1/status", "/v1/keys"}) {
    EXPECT_EQ(ask(request("GET", path, key, Json())).status, 403) << path;
  }
  EXPECT_EQ(post("/v1/agent/tasks/poll", owner_, question("i1")).status, 403);
  EXPECT_EQ(
      post("/v1/keys", owner_, JsonObject{{"name", "x"}, {"scopes", JsonArray{"agent"}}}).status,
      400);
  EXPECT_EQ(post("/v1/keys", owner_, JsonObject{{"name", "agent:x"}, {"scopes", JsonArray{"read"}}})
                .status,
            400);
  EXPECT_EQ(ask(request("DELETE", "/v1/agents/db1", owner_, Json())).status, 200);
  EXPECT_EQ(post("/v1/agent/tasks/poll", key, question("i1")).status, 401);
}

TEST_F(AgentGateway, APollThatGetsNothingEndsWithNoContent) {
  const std::string key = add_agent("db1");
  auto reply = begin(request("POST", "/v1/agent/tasks/poll", key, question("i1")));
  tasks_.wait_for_polls(1);
  EXPECT_EQ(get_string(json(ask(request("GET", "/v1/agents/db1", owner_, Json()))), "state"),
            "online");
  clock_.advance(std::chrono::seconds(50));
  const auto answer = reply.get();
  EXPECT_EQ(answer.status, 204);
  EXPECT_TRUE(answer.body.empty());
  clock_.advance(kAgentSilent);
  const Json row = json(ask(request("GET", "/v1/agents/db1", owner_, Json())));
  EXPECT_EQ(get_string(row, "state"), "silent");
  EXPECT_EQ(get_string(row, "host"), "h");
  EXPECT_EQ(get_string(row, "address"), "10.0.0.7");
}

TEST_F(AgentGateway, PollsEndAtOnceWhenTheServerStops) {
  const std::string key = add_agent("db1");
  auto reply = begin(request("POST", "/v1/agent/tasks/poll", key, question("i1")));
  tasks_.wait_for_polls(1);
  agents_.stop();
  const auto answer = reply.get();
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(get_string(json(answer), "retry"), "transient");
  EXPECT_EQ(post("/v1/agent/tasks/poll", key, question("i1")).status, 503);
}

TEST_F(AgentGateway, ANewProcessOfAnAgentEndsThePollsOfTheOldOne) {
  const std::string key = add_agent("db1");
  auto old = begin(request("POST", "/v1/agent/tasks/poll", key, question("i1")));
  tasks_.wait_for_polls(1);
  auto next = begin(request("POST", "/v1/agent/tasks/poll", key, question("i2")));
  const auto answer = old.get();
  EXPECT_EQ(answer.status, 409);
  EXPECT_EQ(get_string(json(answer), "retry"), "transient");
  agents_.stop();
  EXPECT_EQ(next.get().status, 503);
}

TEST_F(AgentGateway, ATaskForAnAgentThatWentAwayIsGivenBack) {
  const std::string key = add_agent("db1");
  tasks_.offered.push_back(task("t"));
  auto gone = request("POST", "/v1/agent/tasks/poll", key, question("i1"));
  gone->connected = [] { return false; };
  EXPECT_EQ(ask(gone).status, 204);
  ASSERT_EQ(tasks_.outcomes.size(), 1u);
  EXPECT_EQ(tasks_.outcomes.front().first, "t");
  EXPECT_EQ(tasks_.outcomes.front().second.error().retry(), Retry::kTransient);
}

}  // namespace
}  // namespace holdfast::api

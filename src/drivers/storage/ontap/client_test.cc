#include "drivers/storage/ontap/client.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <mutex>

#include "core/async/run.h"
#include "core/async/trace.h"
#include "core/env/sim/seeded_random.h"
#include "core/net/testing/scripted_peer.h"
#include "drivers/storage/ontap/errors.h"
#include "drivers/storage/ontap/testing/impatient_clock.h"

namespace holdfast::storage::ontap {
namespace {

using net::testing::PeerConnection;
using net::testing::ScriptedPeer;
using std::chrono::seconds;

struct Reply {
  std::string status;
  std::string body;
  std::string headers = "";
};

class OntapClientTest : public ::testing::Test {
 protected:
  // Answers the requests of one connection in order; what was asked is in requests_.
  void serve(std::vector<Reply> replies) {
    peer_ = std::make_unique<ScriptedPeer>(
        std::vector<ScriptedPeer::Script>{[this, replies](PeerConnection& connection) {
          for (const Reply& reply : replies) {
            std::string request = connection.read_request();
            if (request.empty()) {
              return;
            }
            {
              const std::lock_guard lock(mutex_);
              requests_.push_back(std::move(request));
            }
            connection.reply(reply.status, reply.body, reply.headers);
          }
          connection.wait_for_close();
        }});
    Endpoint endpoint;
    endpoint.user = "holdfast";
    endpoint.password = SecretString("secret");
    connect(endpoint);
  }

  void connect(const Endpoint& endpoint, ClientSettings settings = {.peer = "cluster east"}) {
    auto credentials = Credentials::create(clock_, endpoint);
    ASSERT_TRUE(credentials) << credentials.error().to_string();
    auto http = net::HttpClient::create(clock_, {});
    ASSERT_TRUE(http) << http.error().to_string();
    const std::string url = peer_->url("");
    client_ = std::make_unique<Client>(
        Route{clock_, *std::move(http), *std::move(credentials), url, random_.get()},
        std::move(settings));
  }

  template <class T>
  T run(async::Co<T> co) {
    return async::block_on(pool_.executor(), std::move(co));
  }
  Result<Json> get(const std::string& path) { return run(client_->get(path, {}, "look")); }
  Result<Written> post() {
    return run(client_->write({.method = "POST",
                               .path = "/storage/volumes",
                               .query = {},
                               .body = JsonObject{{"name", "v"}},
                               .what = "create the volume"}));
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  testing::ImpatientClock clock_;
  async::Pool pool_{"test", 1};
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::unique_ptr<ScriptedPeer> peer_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<env::Random> random_;  // none: delays are exact
};

std::string page(const std::string& records, const std::string& next) {
  return R"({"records":[)" + records + R"(],"num_records":1,"_links":{)" +
         (next.empty() ? "" : R"("next":{"href":")" + next + R"("})") + "}}";
}

std::string failure(std::int64_t code, const std::string& message) {
  return fmt::format(R"({{"error":{{"message":"{}","code":"{}","target":"name"}}}})", message,
                     code);
}

TEST_F(OntapClientTest, ShowsWhoItIsAndWhatItTakes) {
  serve({{"200 OK", "{}"}});
  ASSERT_TRUE(get("/cluster"));
  const std::string request = requests().front();
  EXPECT_NE(request.find("GET /api/cluster HTTP/1.1"), std::string::npos) << request;
  EXPECT_NE(request.find("authorization: Basic aG9sZGZhc3Q6c2VjcmV0"), std::string::npos);
  EXPECT_NE(request.find("x-dot-client-app: Holdfast/"), std::string::npos);
  EXPECT_NE(request.find("accept: application/hal+json"), std::string::npos);
}

TEST_F(OntapClientTest, SaysForWhomItAsks) {
  serve({{"200 OK", "{}"}, {"200 OK", "{}"}});
  ASSERT_TRUE(get("/cluster"));
  const async::TraceScope scope({.parent = "00-1-2-01", .request = "run_1/5"});
  ASSERT_TRUE(
      async::block_on(async::traced(pool_.executor()), client_->get("/cluster", {}, "look")));
  EXPECT_EQ(requests()[0].find("x-request-id"), std::string::npos);
  EXPECT_NE(requests()[1].find("x-request-id: run_1/5"), std::string::npos) << requests()[1];
  EXPECT_NE(requests()[1].find("traceparent: 00-1-2-01"), std::string::npos);
}

TEST_F(OntapClientTest, SpreadsItsRepetitionsByTheRandomnessThatItIsGiven) {
  std::vector<std::vector<Nanoseconds>> waits;
  for (const std::uint64_t seed : {1, 2, 1}) {
    random_ = std::make_unique<env::SeededRandom>(seed);
    const size_t before = clock_.waits().size();
    serve({{"500 Error", "{}"},
           {"500 Error", "{}"},
           {"429 Slow", "{}", "retry-after: 7\r\n"},
           {"200 OK", "{}"}});
    ASSERT_TRUE(get("/cluster"));
    const auto all = clock_.waits();
    waits.emplace_back(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
    ASSERT_EQ(waits.back().size(), 3u);
    EXPECT_GE(waits.back()[0], std::chrono::milliseconds(125));
    EXPECT_LE(waits.back()[0], std::chrono::milliseconds(250));
    EXPECT_GE(waits.back()[2], std::chrono::seconds(7)) << "what was asked for is waited";
    EXPECT_LE(waits.back()[2], std::chrono::seconds(8));
  }
  EXPECT_NE(waits[0], waits[1]);
  EXPECT_EQ(waits[0], waits[2]);
}

TEST_F(OntapClientTest, FollowsTheLinksOfAListAlsoPastAnEmptyPage) {
  serve({{"200 OK", page(R"({"n":1})", "/api/things?start=2")},
         {"200 OK", page("", "/api/things?start=3")},
         {"200 OK", page(R"({"n":3})", "")}});
  const auto records = run(client_->list("/things", {{"fields", "n"}}, "list the things"));
  ASSERT_TRUE(records) << records.error().to_string();
  EXPECT_EQ(records->size(), 2u);
  EXPECT_NE(requests()[0].find("GET /api/things?fields=n&max_records=500 "), std::string::npos);
  EXPECT_NE(requests()[1].find("GET /api/things?start=2 "), std::string::npos);
}

TEST_F(OntapClientTest, EndsAListWhosePagesGoInACircle) {
  serve({{"200 OK", page(R"({"n":1})", "/api/things?start=2")},
         {"200 OK", page(R"({"n":2})", "/api/things?start=2")}});
  const auto records = run(client_->list("/things", {}, "list the things"));
  ASSERT_FALSE(records);
  EXPECT_EQ(records.error().code(), Code::kUnavailable);
  EXPECT_NE(records.error().to_string().find("circle"), std::string::npos);
}

TEST_F(OntapClientTest, DoesNotFollowALinkToAnotherHost) {
  for (const std::string next : {"//evil.example/x", "https://evil.example/x"}) {
    serve({{"200 OK", page(R"({"n":1})", next)}});
    EXPECT_FALSE(run(client_->list("/things", {}, "list the things"))) << next;
  }
}

TEST_F(OntapClientTest, WaitsAsLongAsAThrottlingClusterAsks) {
  serve({{"429 Too Many Requests", failure(262160, "busy"), "retry-after: 7\r\n"},
         {"201 Created", "{}", "location: /api/storage/volumes/u-1?x=y\r\n"}});
  const auto made = post();
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->key, "u-1");
  EXPECT_EQ(clock_.waits(), std::vector<Nanoseconds>{seconds(7)});
}

TEST_F(OntapClientTest, RepeatsAReadButNoWriteAfterAnInternalError) {
  serve({{"500 Internal Server Error", failure(65541, "rpc")}, {"200 OK", "{}"}});
  EXPECT_TRUE(get("/cluster"));
  serve({{"500 Internal Server Error", failure(99, "oops")}});
  const auto made = post();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().retry(), Retry::kUnknown);
  EXPECT_EQ(requests().size(), 3u);
}

TEST_F(OntapClientTest, GivesUpAReadThatAlwaysFails) {
  const Reply down{"503 Service Unavailable", ""};
  serve({down, down, down, down});
  const auto answer = get("/cluster");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Code::kUnavailable);
  EXPECT_EQ(answer.error().retry(), Retry::kTransient);
  EXPECT_EQ(requests().size(), 4u);
}

TEST_F(OntapClientTest, WaitsForTheJobOfAWrite) {
  serve({{"202 Accepted", R"({"job":{"uuid":"j-1"}})", "location: /api/storage/volumes/u-1\r\n"},
         {"404 Not Found", failure(4, "entry doesn't exist")},
         {"200 OK", R"({"state":"running"})"},
         {"200 OK", R"({"state":"success","code":0})"}});
  const auto made = post();
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(made->key, "u-1");
  EXPECT_EQ(made->job, "j-1");
  EXPECT_NE(requests()[0].find("return_timeout=5"), std::string::npos);
  EXPECT_NE(requests()[1].find("GET /api/cluster/jobs/j-1?fields="), std::string::npos);
}

TEST_F(OntapClientTest, TellsWhyAJobFailedThoughItsStatusIsGood) {
  serve({{"202 Accepted", R"({"job":{"uuid":"j-1"}})"},
         {"200 OK", R"({"state":"failure","code":1638555,"message":"locked"})"}});
  const auto made = post();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(ontap_code(made.error()), 1638555);
}

TEST_F(OntapClientTest, LeavesAJobThatDoesNotEndWithItsNumber) {
  std::vector<Reply> replies{{"202 Accepted", R"({"job":{"uuid":"j-1"}})"}};
  replies.insert(replies.end(), 200, {"200 OK", R"({"state":"running"})"});
  serve(replies);
  const auto made = post();
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(made.error().retry(), Retry::kTransient);
  EXPECT_EQ(made.error().context().front(), std::make_pair(std::string("job"), std::string("j-1")));
}

TEST_F(OntapClientTest, SaysWhenTheAnswerIsNoJson) {
  serve({{"200 OK", "<html>hello</html>"}});
  const auto answer = get("/cluster");
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().message().find("no JSON"), std::string::npos);
}

TEST_F(OntapClientTest, AsksForANewTokenWhenTheOldOneIsRefused) {
  serve({{"200 OK", R"({"access_token":"one","expires_in":3600})"},
         {"200 OK", R"({"access_token":"two","expires_in":3600})"}});
  Endpoint endpoint;
  endpoint.login = Login::kOAuth2;
  endpoint.oauth2 = {peer_->url("/token"), "id", SecretString("s:1"), "ontap", ""};
  auto credentials = Credentials::create(clock_, endpoint);
  ASSERT_TRUE(credentials);
  EXPECT_EQ(*run((*credentials)->authorization()), "Bearer one");
  EXPECT_EQ(*run((*credentials)->authorization()), "Bearer one");
  EXPECT_TRUE((*credentials)->refused());
  EXPECT_EQ(*run((*credentials)->authorization()), "Bearer two");
  EXPECT_EQ(requests().size(), 2u);
  EXPECT_NE(requests()[0].find("grant_type=client_credentials&scope=ontap"), std::string::npos);
  EXPECT_NE(requests()[0].find("authorization: Basic aWQ6cyUzQTE="), std::string::npos);
}

TEST_F(OntapClientTest, FetchesATokenBeforeTheOldOneEnds) {
  serve({{"200 OK", R"({"access_token":"one","expires_in":60})"},
         {"200 OK", R"({"access_token":"two","expires_in":60})"}});
  Endpoint endpoint;
  endpoint.login = Login::kOAuth2;
  endpoint.oauth2 = {peer_->url("/token"), "id", SecretString("s"), "", ""};
  auto credentials = Credentials::create(clock_, endpoint);
  EXPECT_EQ(*run((*credentials)->authorization()), "Bearer one");
  clock_.pass(seconds(31));
  EXPECT_EQ(*run((*credentials)->authorization()), "Bearer two");
}

TEST_F(OntapClientTest, LeavesASystemAloneThatKeepsFailing) {
  const Reply down{"502 Bad Gateway", ""};
  serve({down, down, down, down, down});
  EXPECT_FALSE(get("/cluster"));
  EXPECT_FALSE(get("/cluster"));
  const auto refused = get("/cluster");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("left alone"), std::string::npos);
  EXPECT_EQ(requests().size(), 5u);
}

TEST(OntapBreaker, OpensAfterFailuresInARowAndClosesAfterAGoodProbe) {
  Breaker breaker("cluster east");
  MonoTime now{};
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(breaker.admit(now));
    breaker.failed(now, "refused");
  }
  EXPECT_EQ(breaker.state(), BreakerState::kOpen);
  EXPECT_EQ(breaker.admit(now).error().retry(), Retry::kTransient);
  now += seconds(10);
  EXPECT_TRUE(breaker.admit(now));
  EXPECT_EQ(breaker.state(), BreakerState::kHalfOpen);
  EXPECT_FALSE(breaker.admit(now)) << "one probe at a time";
  breaker.failed(now, "refused");
  now += seconds(10);
  EXPECT_FALSE(breaker.admit(now)) << "the pause has doubled";
  now += seconds(10);
  EXPECT_TRUE(breaker.admit(now));
  breaker.succeeded();
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
  EXPECT_TRUE(breaker.admit(now));
}

TEST(OntapBreaker, ForgetsFailuresThatWereNotInARow) {
  Breaker breaker("cluster east");
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(breaker.admit(MonoTime()));
    i % 4 == 3 ? breaker.succeeded() : breaker.failed(MonoTime(), "refused");
  }
  EXPECT_EQ(breaker.state(), BreakerState::kClosed);
}

TEST(OntapBreaker, LetsAnotherProbeWhenOneWasCancelled) {
  Breaker breaker("cluster east");
  for (int i = 0; i < 5; ++i) {
    breaker.failed(MonoTime(), "refused");
  }
  const MonoTime later = MonoTime() + seconds(10);
  ASSERT_TRUE(breaker.admit(later));
  breaker.abandoned();
  EXPECT_TRUE(breaker.admit(later));
}

TEST(OntapGate, LetsTheNextOneInWhenOneLeaves) {
  async::Pool pool("test", 1);  // one thread: the second asks before the third
  Gate gate(1);
  std::optional<Gate::Pass> first(*async::block_on(pool.executor(), gate.enter()));
  auto second = boost::asio::co_spawn(pool.executor(), gate.enter(), boost::asio::use_future);
  auto third = boost::asio::co_spawn(pool.executor(), gate.enter(), boost::asio::use_future);
  EXPECT_EQ(third.wait_for(seconds(0)), std::future_status::timeout);
  first.reset();
  EXPECT_TRUE(second.get());
  EXPECT_TRUE(third.get());
}

TEST(OntapErrors, JudgesByTheCodeBeforeTheStatus) {
  const auto of = [](int status, std::int64_t code) {
    return answer_error(status, *parse_json(failure(code, "said")), "do it");
  };
  EXPECT_EQ(of(400, 524486).code(), Code::kConflict);
  EXPECT_EQ(of(400, 524486).retry(), Retry::kTransient);
  EXPECT_EQ(of(400, 262179).code(), Code::kInvalidArgument);
  EXPECT_EQ(of(404, 4).code(), Code::kNotFound);
  EXPECT_EQ(of(403, 6).code(), Code::kPermissionDenied);
  EXPECT_EQ(of(400, 262224).code(), Code::kUnavailable);
  EXPECT_EQ(of(500, 1245212).code(), Code::kResourceExhausted);
  EXPECT_EQ(of(401, 6691623).code(), Code::kUnauthenticated);
  EXPECT_EQ(of(400, 77).code(), Code::kInvalidArgument);
  EXPECT_EQ(of(500, 77).retry(), Retry::kUnknown);
  EXPECT_EQ(of(503, 4).code(), Code::kUnavailable);
  EXPECT_EQ(of(404, 4).to_string(), "cannot do it: said (ontap_code: 4, field: name)");
  EXPECT_EQ(answer_error(502, Json(), "do it").retry(), Retry::kTransient);
}

TEST(OntapText, EncodesPathsInsideAVolumeWhole) {
  EXPECT_EQ(encode_file_path(".snapshot/s 1/a"), "%2Esnapshot%2Fs%201%2Fa");
}

TEST(OntapText, QuotesWhatAFilterWouldInterpret) {
  EXPECT_EQ(exactly("vol_1"), "vol_1");
  EXPECT_EQ(exactly("/a/b"), "/a/b");
  EXPECT_EQ(exactly("a|b"), "\"a|b\"");
  EXPECT_EQ(exactly("null"), "\"null\"");
}

}  // namespace
}  // namespace holdfast::storage::ontap

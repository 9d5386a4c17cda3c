#include "core/net/http_client.h"

#include <gtest/gtest.h>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include <future>

#include "core/async/run.h"
#include "core/env/sim/manual_clock.h"
#include "core/net/sse.h"
#include "core/net/testing/scripted_peer.h"

namespace holdfast::net {
namespace {

using std::chrono::seconds;
using testing::PeerConnection;
using testing::ScriptedPeer;

class HttpClientTest : public ::testing::Test {
 protected:
  HttpClientTest() { reset({}); }

  void reset(ClientOptions options) {
    auto made = HttpClient::create(clock_, std::move(options));
    ASSERT_TRUE(made) << made.error().to_string();
    client_ = *std::move(made);
  }

  std::future<Result<ClientResponse>> begin(ClientRequest request) {
    return boost::asio::co_spawn(pool_.executor(), client_->send(std::move(request)),
                                 boost::asio::use_future);
  }
  Result<ClientResponse> send(ClientRequest request) { return begin(std::move(request)).get(); }
  Result<ClientResponse> stream(ClientRequest request, BodySink sink) {
    return async::block_on(pool_.executor(), client_->stream(std::move(request), std::move(sink)));
  }

  env::ManualClock clock_{UtcTime(seconds(1'800'000'000))};
  async::Pool pool_{"test", 1};
  std::unique_ptr<HttpClient> client_;
};

ClientRequest get(std::string url) {
  ClientRequest request;
  request.url = std::move(url);
  return request;
}

ClientRequest post(std::string url, std::string body) {
  ClientRequest request = get(std::move(url));
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

// A script that answers one request and then waits for the client to go.
ScriptedPeer::Script answer(std::string bytes) {
  return [bytes = std::move(bytes)](PeerConnection& connection) {
    connection.read_request();
    connection.send(bytes);
    connection.wait_for_close();
  };
}

// A script that answers one request and closes at once.
ScriptedPeer::Script answer_and_close(std::string bytes) {
  return [bytes = std::move(bytes)](PeerConnection& connection) {
    connection.read_request();
    connection.send(bytes);
  };
}

TEST_F(HttpClientTest, SendsTheRequestAndReturnsTheAnswer) {
  std::promise<std::string> seen;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    seen.set_value(connection.read_request());
    connection.reply("201 Created", "made", "X-Tag: one\r\nX-TAG: two\r\n");
    connection.wait_for_close();
  }});
  ClientRequest request = post(peer.url("/a%20b?x=1"), "{}");
  request.headers = {{"content-type", "application/json"}, {"x-empty", ""}};
  request.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

  const auto answer = send(request);
  ASSERT_TRUE(answer) << answer.error().to_string();
  EXPECT_EQ(answer->status, 201);
  EXPECT_EQ(answer->body, "made");
  EXPECT_EQ(answer->header("x-tag"), "one, two");

  const std::string text = seen.get_future().get();
  EXPECT_TRUE(text.starts_with("POST /a%20b?x=1 HTTP/1.1\r\n")) << text;
  EXPECT_NE(text.find("traceparent: " + request.traceparent + "\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("x-empty:\r\n"), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with("\r\n\r\n{}")) << text;
  EXPECT_EQ(clock_.pending(), 0u) << "no timer is left behind";
}

TEST_F(HttpClientTest, SendsALargeBodyWithoutAskingFirst) {
  const std::string body(3u << 20, 'x');
  std::promise<std::string> seen;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    seen.set_value(connection.read_request());
    connection.reply("200 OK", "");
  }});
  const auto result = send(post(peer.url(), body));
  ASSERT_TRUE(result) << result.error().to_string();
  const std::string text = seen.get_future().get();
  EXPECT_TRUE(text.ends_with(body));
  EXPECT_EQ(text.substr(0, text.find("\r\n\r\n")).find("xpect:"), std::string::npos);
}

TEST_F(HttpClientTest, UsesOneConnectionForManyRequests) {
  std::atomic<int> served = 0;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    while (!connection.read_request().empty()) {
      ++served;  // before the answer, which may already let the test go on
      if (!connection.reply("200 OK", "")) {
        return;
      }
    }
  }});
  for (int i = 0; i < 3; ++i) {
    const auto answer = send(get(peer.url()));
    ASSERT_TRUE(answer) << answer.error().to_string();
  }
  client_.reset();
  EXPECT_EQ(served, 3);
}

TEST_F(HttpClientTest, ReadsAChunkedBody) {
  ScriptedPeer peer({answer(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")});
  const auto result = send(get(peer.url()));
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->body, "abcde");
}

TEST_F(HttpClientTest, ReturnsAnErrorStatusAsAValue) {
  ScriptedPeer peer({answer("HTTP/1.1 503 Busy\r\ncontent-length: 4\r\n\r\nbusy")});
  const auto result = send(get(peer.url()));
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->status, 503);
  EXPECT_EQ(result->body, "busy");
  EXPECT_TRUE(is_transient_status(result->status));
}

TEST_F(HttpClientTest, DoesNotFollowARedirect) {
  ScriptedPeer peer(
      {answer("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")});
  const auto result = send(get(peer.url()));
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->status, 302);
}

TEST_F(HttpClientTest, NamesHostAndPortWhenTheConnectionIsRefused) {
  std::string url;
  std::uint16_t port = 0;
  {
    const ScriptedPeer gone({});
    url = gone.url("/x?token=hunter2");
    port = gone.port();
  }
  const auto result = send(get(url));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kUnavailable);
  EXPECT_EQ(result.error().retry(), Retry::kTransient);
  const std::string text = result.error().to_string();
  EXPECT_NE(text.find("127.0.0.1:" + std::to_string(port)), std::string::npos) << text;
  EXPECT_EQ(text.find("hunter2"), std::string::npos) << text;
}

TEST_F(HttpClientTest, ReportsABodyThatIsCutShort) {
  const std::string cut = "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf";
  ScriptedPeer peer({answer_and_close(cut), answer_and_close(cut)});
  const auto read = send(get(peer.url()));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::kUnavailable);
  EXPECT_EQ(read.error().retry(), Retry::kTransient);
  const auto write = send(post(peer.url(), "x"));
  ASSERT_FALSE(write);
  EXPECT_EQ(write.error().retry(), Retry::kUnknown) << "the other side may have acted on it";
}

TEST_F(HttpClientTest, ReportsAChunkedBodyThatIsCutShort) {
  ScriptedPeer peer(
      {answer_and_close("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab")});
  const auto result = send(get(peer.url()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kUnavailable);
}

TEST_F(HttpClientTest, RefusesAnAnswerThatIsNotHttp) {
  ScriptedPeer peer({answer_and_close("220 mail.example.org ESMTP\r\n")});
  const auto result = send(get(peer.url()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kUnavailable);
}

TEST_F(HttpClientTest, RefusesABodyLargerThanAllowed) {
  ScriptedPeer peer({answer("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n12345678901"),
                     answer("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n1234567890")});
  ClientRequest request = get(peer.url());
  request.max_response_bytes = 10;
  const auto larger = send(request);
  ASSERT_FALSE(larger);
  EXPECT_EQ(larger.error().code(), Code::kResourceExhausted);
  const auto equal = send(request);
  ASSERT_TRUE(equal) << equal.error().to_string();
  EXPECT_EQ(equal->body.size(), 10u);
}

TEST_F(HttpClientTest, RefusesEndlessHeaders) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\n");
    while (connection.send("x: " + std::string(1000, 'y') + "\r\n")) {
    }
  }});
  const auto result = send(get(peer.url()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kResourceExhausted);
}

TEST_F(HttpClientTest, GivesUpAtTheDeadline) {
  std::promise<void> asked;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    connection.read_request();
    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nslow");
    asked.set_value();
    connection.wait_for_close();
  }});
  ClientRequest request = get(peer.url());
  request.deadline = seconds(30);
  auto result = begin(request);
  asked.get_future().wait();
  clock_.advance(seconds(30));
  const auto outcome = result.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(clock_.pending(), 0u) << "no timer is left behind";
}

TEST_F(HttpClientTest, GivesUpOnASilentPeer) {
  std::promise<void> asked;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    connection.read_request();
    asked.set_value();
    connection.wait_for_close();
  }});
  ClientRequest request = get(peer.url());
  request.deadline = Nanoseconds(0);
  request.idle_limit = seconds(40);
  auto result = begin(request);
  asked.get_future().wait();
  clock_.advance(seconds(40));
  const auto outcome = result.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kDeadlineExceeded);
}

TEST_F(HttpClientTest, EndsWhenItsCoroutineIsCancelled) {
  std::promise<void> asked;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    connection.read_request();
    asked.set_value();
    connection.wait_for_close();
  }});
  boost::asio::cancellation_signal signal;
  auto result = boost::asio::co_spawn(
      pool_.executor(), client_->send(get(peer.url())),
      boost::asio::bind_cancellation_slot(signal.slot(), boost::asio::use_future));
  asked.get_future().wait();
  boost::asio::post(pool_.executor(),
                    [&] { signal.emit(boost::asio::cancellation_type::terminal); });
  const auto outcome = result.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
}

TEST_F(HttpClientTest, CancelsWhatIsUnderWayWhenDestroyed) {
  std::promise<void> asked;
  ScriptedPeer peer({[&](PeerConnection& connection) {
    connection.read_request();
    asked.set_value();
    connection.wait_for_close();
  }});
  auto result = begin(get(peer.url()));
  asked.get_future().wait();
  client_.reset();
  const auto outcome = result.get();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), Code::kCancelled);
}

TEST_F(HttpClientTest, MakesFurtherRequestsWaitForAFreeConnection) {
  ClientOptions one;
  one.max_connections_per_host = 1;
  reset(one);
  ScriptedPeer peer({[](PeerConnection& connection) {
    while (!connection.read_request().empty() && connection.reply("200 OK", "")) {
    }
  }});
  std::vector<std::future<Result<ClientResponse>>> results;
  for (int i = 0; i < 5; ++i) {
    results.push_back(begin(get(peer.url())));
  }
  for (auto& result : results) {
    const auto outcome = result.get();
    EXPECT_TRUE(outcome) << outcome.error().to_string();
  }
  client_.reset();
}

TEST_F(HttpClientTest, StreamsEventsUntilTheSinkHasEnough) {
  ScriptedPeer peer(
      {answer("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\nevent: run\ndata: 1\n\n"
              "event: end\ndata: 2\n\n")});
  SseParser parser;
  std::vector<SseEvent> events;
  ClientRequest request = get(peer.url());
  request.deadline = Nanoseconds(0);
  const auto result = stream(request, [&](std::string_view bytes) {
    auto some = parser.feed(bytes);
    events.insert(events.end(), some->begin(), some->end());
    return events.empty() || events.back().event != "end";
  });
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->header("content-type"), "text/event-stream");
  EXPECT_EQ(result->body, "");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].data, "2");
}

TEST_F(HttpClientTest, CollectsTheBodyOfAStreamThatIsRefused) {
  ScriptedPeer peer({answer("HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\n\r\ngone")});
  bool called = false;
  const auto result = stream(get(peer.url()), [&](std::string_view) { return called = true; });
  ASSERT_TRUE(result) << result.error().to_string();
  EXPECT_EQ(result->status, 404);
  EXPECT_EQ(result->body, "gone");
  EXPECT_FALSE(called);
}

TEST_F(HttpClientTest, SendsNothingThatIsMalformed) {
  ClientRequest split = get("http://127.0.0.1:1/");
  split.headers = {{"x-note", "a\r\nx-admin: yes"}};
  EXPECT_EQ(send(split).error().code(), Code::kInvalidArgument);
  ClientRequest method = get("http://127.0.0.1:1/");
  method.method = "GET /other";
  EXPECT_EQ(send(method).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(send(get("file:///etc/passwd")).error().code(), Code::kInvalidArgument);
}

TEST_F(HttpClientTest, RefusesAPlainPeerWhereTlsIsExpected) {
  ScriptedPeer peer({[](PeerConnection& connection) {
    connection.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    connection.wait_for_close();
  }});
  const auto result = send(get("https://127.0.0.1:" + std::to_string(peer.port()) + "/"));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace holdfast::net

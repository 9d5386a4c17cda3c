#include "core/net/http2_session.h"

#include <gtest/gtest.h>

#include <optional>

#include "core/net/testing/http2_server.h"

namespace holdfast::net {
namespace {

using testing::Http2Request;
using testing::Http2Server;

// Remembers what came back.
class Heard final : public Http2Session::Receiver {
 public:
  void on_header(std::string_view name, std::string_view value) override {
    headers.append(name).append("=").append(value).append("\n");
  }
  bool on_data(std::string_view bytes) override {
    data.append(bytes);
    return data.size() <= limit;
  }
  void on_close(std::uint32_t how) override { closed = how; }

  std::string headers;
  std::string data;
  std::size_t limit = ~std::size_t{0};
  std::optional<std::uint32_t> closed;
};

class Http2SessionTest : public ::testing::Test {
 protected:
  void serve(Http2Server::OnRequest on_request, std::uint32_t max_streams = 100) {
    server.emplace(std::move(on_request), max_streams);
  }

  std::int32_t ask(const std::shared_ptr<Heard>& heard, std::string body = "hello") {
    const Http2Session::Header headers[] = {{":method", "POST"},
                                            {":scheme", "http"},
                                            {":authority", "here"},
                                            {":path", "/echo"},
                                            {"x-count", "1", true}};
    const auto stream = client.request(headers, std::move(body), heard);
    EXPECT_TRUE(stream) << stream.error().to_string();
    return stream.value_or(0);
  }

  // Carries bytes both ways until nobody has anything to say.
  Status exchange() {
    while (true) {
      std::string out;
      HF_TRY_VOID(client.take_output(out));
      if (!out.empty()) {
        EXPECT_TRUE(server->receive(out));
      }
      const std::string in = server->output();
      if (!in.empty()) {
        HF_TRY_VOID(client.receive(in));
      }
      if (in.empty() && out.empty()) {
        return {};
      }
    }
  }

  Http2Session client{{.stream = 100'000, .connection = 200'000}};
  std::optional<Http2Server> server;
  std::vector<Http2Request> seen;
};

void echo(Http2Server& server, const Http2Request& request) {
  server.answer(request.stream, {{":status", "200"}}, request.body, {{"x-end", "yes"}});
}

TEST_F(Http2SessionTest, CarriesARequestAndItsAnswerWithTrailers) {
  serve([&](Http2Server& peer, const Http2Request& request) {
    seen.push_back(request);
    echo(peer, request);
  });
  const auto heard = std::make_shared<Heard>();
  ask(heard);
  ASSERT_TRUE(exchange());
  ASSERT_EQ(seen.size(), 1u);
  EXPECT_EQ(seen[0].body, "hello");
  EXPECT_EQ(seen[0].headers[":path"], "/echo");
  EXPECT_EQ(seen[0].headers["x-count"], "1");
  EXPECT_EQ(heard->headers, ":status=200\nx-end=yes\n");
  EXPECT_EQ(heard->data, "hello");
  EXPECT_EQ(heard->closed, 0u);
  EXPECT_EQ(client.open_streams(), 0u);
}

TEST_F(Http2SessionTest, CarriesBodiesLargerThanEveryWindow) {
  serve(echo);
  const auto first = std::make_shared<Heard>();
  const auto second = std::make_shared<Heard>();
  ask(first, std::string(3'000'000, 'a'));
  ask(second, std::string(1'000'000, 'b'));
  ASSERT_TRUE(exchange());
  EXPECT_EQ(first->data, std::string(3'000'000, 'a'));
  EXPECT_EQ(second->data, std::string(1'000'000, 'b'));
}

TEST_F(Http2SessionTest, KeepsRequestsBackThatTheServerDoesNotAllowYet) {
  serve(echo, 1);
  ASSERT_TRUE(exchange());  // the server's limit is known from here on
  std::vector<std::shared_ptr<Heard>> all;
  for (int i = 0; i < 20; ++i) {
    ask(all.emplace_back(std::make_shared<Heard>()), std::to_string(i));
  }
  ASSERT_TRUE(exchange());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(all[static_cast<std::size_t>(i)]->data, std::to_string(i));
  }
}

TEST_F(Http2SessionTest, TellsHowAStreamWasReset) {
  serve([](Http2Server& peer, const Http2Request& request) {
    peer.reset(request.stream, Http2Session::kEnhanceYourCalm);
  });
  const auto heard = std::make_shared<Heard>();
  ask(heard);
  ASSERT_TRUE(exchange());
  EXPECT_EQ(heard->closed, Http2Session::kEnhanceYourCalm);
}

TEST_F(Http2SessionTest, SaysNothingMoreOfAStreamThatWasGivenUp) {
  serve([&](Http2Server&, const Http2Request& request) { seen.push_back(request); });
  const auto heard = std::make_shared<Heard>();
  const std::int32_t stream = ask(heard);
  ASSERT_TRUE(exchange());
  client.abandon(stream);
  echo(*server, seen.at(0));
  ASSERT_TRUE(exchange());
  EXPECT_EQ(heard->headers, "");
  EXPECT_FALSE(heard->closed);
  EXPECT_EQ(client.open_streams(), 0u);
  EXPECT_EQ(heard.use_count(), 1);
}

TEST_F(Http2SessionTest, ResetsAStreamWhoseReceiverHasEnough) {
  serve(echo);
  const auto heard = std::make_shared<Heard>();
  heard->limit = 10;
  ask(heard, std::string(50'000, 'x'));
  ASSERT_TRUE(exchange());
  EXPECT_EQ(heard->closed, Http2Session::kCancel);
}

TEST_F(Http2SessionTest, FinishesWhatTheServerTookBeforeItWentAndRefusesTheRest) {
  serve([&](Http2Server&, const Http2Request& request) { seen.push_back(request); });
  const auto taken = std::make_shared<Heard>();
  const auto not_taken = std::make_shared<Heard>();
  ask(taken);
  ask(not_taken);
  ASSERT_TRUE(exchange());
  ASSERT_EQ(seen.size(), 2u);
  server->go_away(seen[0].stream);
  ASSERT_TRUE(exchange());
  EXPECT_TRUE(client.going_away());
  EXPECT_EQ(not_taken->closed, Http2Session::kRefusedStream);
  const auto late = client.request({}, "", std::make_shared<Heard>());
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kUnavailable);
  echo(*server, seen[0]);
  (void)exchange();  // with the last stream the connection may end
  EXPECT_EQ(taken->data, "hello");
  EXPECT_EQ(taken->closed, 0u);
}

TEST_F(Http2SessionTest, RefusesWhatHadToWaitWhenTheServerGoes) {
  serve([&](Http2Server&, const Http2Request& request) { seen.push_back(request); }, 1);
  ASSERT_TRUE(exchange());
  const auto sent = std::make_shared<Heard>();
  const auto waits = std::make_shared<Heard>();
  ask(sent);
  ask(waits);
  ASSERT_TRUE(exchange());
  ASSERT_EQ(seen.size(), 1u);
  server->go_away(seen[0].stream);
  echo(*server, seen[0]);
  (void)exchange();
  EXPECT_EQ(sent->closed, 0u);
  EXPECT_EQ(waits->closed, Http2Session::kRefusedStream);
}

TEST_F(Http2SessionTest, EndsWithAServerThatDoesNotSpeakHttp2) {
  const std::string page = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
  (void)client.receive(page);
  std::string out;
  (void)client.take_output(out);
  EXPECT_TRUE(client.is_over());
}

}  // namespace
}  // namespace holdfast::net

#include "flow/temporal/link.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/env/sim/manual_clock.h"
#include "core/net/testing/http2_server.h"

namespace holdfast::flow::temporal {
namespace {

using net::testing::Http2Request;
using net::testing::Http2Server;

// A connection in memory to a server that may fall silent; takes `room` bytes at once.
class MemoryStream final : public net::ByteStream {
 public:
  explicit MemoryStream(Http2Server& server) : server_(server) {}

  int descriptor() const override { return -1; }
  Result<std::size_t> read(std::span<char> into) override {
    if (!silent) {
      input_ += server_.output();
    }
    const std::size_t count = std::min(into.size(), input_.size());
    std::copy_n(input_.begin(), count, into.begin());
    input_.erase(0, count);
    return count;
  }
  Result<std::size_t> write(std::string_view bytes) override {
    const std::size_t count = std::min(room, bytes.size());
    room -= count;
    EXPECT_TRUE(server_.receive(bytes.substr(0, count)));
    return count;
  }

  bool silent = false;
  std::size_t room = 1 << 20;

 private:
  Http2Server& server_;
  std::string input_;
};

class Ignores final : public net::Http2Session::Receiver {
 public:
  void on_header(std::string_view, std::string_view) override {}
  bool on_data(std::string_view) override { return true; }
  void on_close(std::uint32_t) override {}
};

class LinkTest : public testing::Test {
 protected:
  env::ManualClock clock{UtcTime()};
  int requests = 0;
  Http2Server server{[this](Http2Server&, const Http2Request&) { ++requests; }};
  MemoryStream* stream = new MemoryStream(server);  // owned by the link
  Link link{std::unique_ptr<net::ByteStream>(stream), clock};
  const std::vector<net::Http2Session::Header> headers = {
      {":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/x"}};
};

TEST_F(LinkTest, KeepsOutputThatTheSocketDoesNotTake) {
  stream->room = 50;
  ASSERT_TRUE(link.request(headers, std::string(1000, 'x'), std::make_shared<Ignores>()));
  ASSERT_TRUE(link.flush());
  EXPECT_TRUE(link.wants_output());
  EXPECT_EQ(requests, 0);
  stream->room = 10'000;
  ASSERT_TRUE(link.flush());
  EXPECT_FALSE(link.wants_output());
  EXPECT_EQ(requests, 1);
}

TEST_F(LinkTest, AsksASilentServerAndStaysWhenItAnswers) {
  ASSERT_TRUE(link.flush());
  for (int i = 0; i < 100; ++i) {
    clock.advance(std::chrono::seconds(10));
    ASSERT_TRUE(link.look(clock.mono())) << i;
    ASSERT_TRUE(link.receive());
  }
}

TEST_F(LinkTest, GivesAServerUpThatSaysNothingAfterThePing) {
  ASSERT_TRUE(link.flush());
  ASSERT_TRUE(link.receive());
  stream->silent = true;
  Nanoseconds silent{};
  Status alive;
  while (alive) {
    clock.advance(std::chrono::seconds(1));
    silent += std::chrono::seconds(1);
    alive = link.look(clock.mono());
  }
  EXPECT_EQ(alive.error().code(), Code::kUnavailable);
  EXPECT_EQ(silent, std::chrono::seconds(45));
}

}  // namespace
}  // namespace holdfast::flow::temporal

// The calls against a peer that does what a server may do, and what it may not.
#include "flow/temporal/wire.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <future>
#include <latch>
#include <random>
#include <semaphore>

#include "core/env/posix/system_clock.h"
#include "core/net/testing/http2_server.h"
#include "core/net/testing/scripted_peer.h"
#include "flow/temporal/connection.h"
#include "flow/temporal/grpc_wire.h"

namespace holdfast::flow::temporal {
namespace {

using net::testing::Http2Headers;
using net::testing::Http2Request;
using net::testing::Http2Server;
using net::testing::PeerConnection;
using net::testing::ScriptedPeer;

const Http2Headers kGrpc = {{":status", "200"}, {"content-type", "application/grpc"}};

void echo(Http2Server& server, const Http2Request& request) {
  server.answer(request.stream, kGrpc, request.body, {{"grpc-status", "0"}});
}

// Serves one connection until the client closes it, or `stop` is set by a request.
ScriptedPeer::Script serves(std::function<void(Http2Server&, const Http2Request&, bool& stop)> on) {
  return [on](PeerConnection& connection) {
    bool stop = false;
    Http2Server server(
        [&](Http2Server& self, const Http2Request& request) { on(self, request, stop); });
    connection.send(server.output());
    for (std::string bytes = connection.read_some(); !bytes.empty() && !stop;
         bytes = connection.read_some()) {
      if (!server.receive(bytes) || stop) {
        return;
      }
      connection.send(server.output());
    }
  };
}

ScriptedPeer::Script echoes() {
  return serves(
      [](Http2Server& server, const Http2Request& request, bool&) { echo(server, request); });
}

class WireTest : public testing::Test {
 protected:
  void connect(const ScriptedPeer& peer) {
    Options options;
    options.address = "127.0.0.1:" + std::to_string(peer.port());
    auto opened = Connection::open(clock, options);
    ASSERT_TRUE(opened) << opened.error().to_string();
    connection = std::move(*opened);
  }

  std::future<Result<std::string>> ask(const std::string& word,
                                       Nanoseconds deadline = std::chrono::seconds(60)) {
    auto promise = std::make_shared<std::promise<Result<std::string>>>();
    auto future = promise->get_future();
    call = connection->begin("Echo", word, deadline, [promise](Result<std::string> outcome) {
      promise->set_value(std::move(outcome));
    });
    return future;
  }

  Code code_of(std::future<Result<std::string>> future) {
    const auto outcome = future.get();
    return outcome ? Code::kInternal : outcome.error().code();
  }

  env::SystemClock clock;
  std::unique_ptr<Connection> connection;
  std::shared_ptr<PendingCall> call;  // the last one
};

TEST_F(WireTest, CarriesACallAndWhatItSays) {
  Http2Request seen;
  ScriptedPeer peer({serves([&](Http2Server& server, const Http2Request& request, bool&) {
    seen = request;
    echo(server, request);
  })});
  connect(peer);
  EXPECT_EQ(ask("a word").get().value_or("?"), "a word");
  connection.reset();
  EXPECT_EQ(seen.headers[":path"], "/temporal.api.workflowservice.v1.WorkflowService/Echo");
  EXPECT_EQ(seen.headers["te"], "trailers");
  EXPECT_EQ(seen.headers["temporal-namespace"], "default");
  EXPECT_EQ(seen.headers["grpc-timeout"].back(), 'm');
}

TEST_F(WireTest, MovesACallThatTheServerRefused) {
  ScriptedPeer peer(
      {serves([](Http2Server& server, const Http2Request&, bool&) { server.go_away(0); }),
       echoes()});
  connect(peer);
  EXPECT_EQ(ask("again").get().value_or("?"), "again");
}

TEST_F(WireTest, FinishesOnTheOldConnectionWhatItTook) {
  Http2Request first;
  ScriptedPeer peer({serves([&](Http2Server& server, const Http2Request& request, bool&) {
                       if (first.stream == 0) {
                         first = request;
                         return;
                       }
                       server.go_away(first.stream);
                       echo(server, first);
                     }),
                     echoes()});
  connect(peer);
  auto one = ask("one");
  auto two = ask("two");
  EXPECT_EQ(one.get().value_or("?"), "one");
  EXPECT_EQ(two.get().value_or("?"), "two");
}

TEST_F(WireTest, EndsCallsOfABrokenConnectionAndMakesANewOne) {
  ScriptedPeer peer(
      {serves([](Http2Server&, const Http2Request&, bool& stop) { stop = true; }), echoes()});
  connect(peer);
  EXPECT_EQ(code_of(ask("lost")), Code::kUnavailable);
  EXPECT_EQ(ask("back").get().value_or("?"), "back");
}

TEST_F(WireTest, SaysThatNobodyIsThere) {
  std::optional<ScriptedPeer> peer(std::in_place, std::vector<ScriptedPeer::Script>());
  connect(*peer);
  peer.reset();
  for (int i = 0; i < 3; ++i) {  // the first tries, the others hear how that went
    const auto outcome = ask("nobody").get();
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code(), Code::kUnavailable);
    EXPECT_EQ(outcome.error().retry(), Retry::kTransient);
    EXPECT_NE(outcome.error().to_string().find("refused"), std::string::npos);
  }
}

TEST_F(WireTest, SaysWhenTheServerDoesNotSpeakHttp2) {
  ScriptedPeer peer({[](PeerConnection& plain) {
    plain.read_some();
    plain.send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    plain.wait_for_close();
  }});
  connect(peer);
  EXPECT_EQ(code_of(ask("hello?")), Code::kUnavailable);
}

TEST_F(WireTest, RefusesAnAnswerThatIsTooLargeAndGoesOn) {
  ScriptedPeer peer({serves([](Http2Server& server, const Http2Request& request, bool&) {
    if (request.body != grpc_frame("large")) {
      return echo(server, request);
    }
    server.answer(request.stream, kGrpc, std::string("\0\x7f\0\0\0", 5) + std::string(100'000, 'x'),
                  {{"grpc-status", "0"}});
  })});
  connect(peer);
  EXPECT_EQ(code_of(ask("large")), Code::kResourceExhausted);
  EXPECT_EQ(ask("small").get().value_or("?"), "small");
}

TEST_F(WireTest, EndsACallAtItsDeadlineAlsoWithoutAConnection) {
  ScriptedPeer peer({[](PeerConnection& mute) { mute.wait_for_close(); }});
  connect(peer);
  EXPECT_EQ(code_of(ask("late", std::chrono::milliseconds(20))), Code::kDeadlineExceeded);
}

TEST_F(WireTest, EndsACallThatIsCancelledAndAllOfThemWhenItIsShutDown) {
  ScriptedPeer peer({serves([](Http2Server&, const Http2Request&, bool&) {})});
  connect(peer);
  auto cancelled = ask("never");
  call->cancel();
  EXPECT_EQ(code_of(std::move(cancelled)), Code::kCancelled);
  auto open = ask("never");
  connection->shut_down();
  EXPECT_EQ(code_of(std::move(open)), Code::kCancelled);
  EXPECT_EQ(code_of(ask("too late")), Code::kCancelled);
}

TEST_F(WireTest, SendsWhatAHandlerBeginsInOnePacket) {
  std::atomic<int> packets = 0;
  ScriptedPeer peer({[&](PeerConnection& socket) {
    Http2Server server(echo);
    socket.send(server.output());
    for (std::string bytes = socket.read_some(); !bytes.empty(); bytes = socket.read_some()) {
      packets += bytes.size() > 3000 ? 1 : 0;  // not the small ones of the protocol itself
      server.receive(bytes);
      socket.send(server.output());
    }
  }});
  connect(peer);
  ASSERT_TRUE(ask("hello").get());
  std::latch answered(5);
  connection->begin("Echo", "go", std::chrono::seconds(60), [&](const Result<std::string>&) {
    for (int i = 0; i < 5; ++i) {
      connection->begin("Echo", std::string(700, 'x'), std::chrono::seconds(60),
                        [&](const Result<std::string>&) { answered.count_down(); });
    }
  });
  answered.wait();
  EXPECT_EQ(packets, 1);
}

// From threads and from handlers at once: nothing is left lying.
TEST_F(WireTest, LosesNoCallOfManyThreads) {
  ScriptedPeer peer({echoes()});
  connect(peer);
  constexpr int kThreads = 3;
  constexpr int kCalls = 3000;
  std::atomic<int> failed = 0;
  std::latch ended(2 * kThreads * kCalls);
  std::counting_semaphore<> places(16);
  const auto note = [&](const Result<std::string>& outcome) {
    failed += outcome ? 0 : 1;
    ended.count_down();
  };
  std::vector<std::jthread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < kCalls; ++i) {
        places.acquire();
        connection->begin("Echo", "first", std::chrono::seconds(60),
                          [&](const Result<std::string>& first) {
                            connection->begin("Echo", "second", std::chrono::seconds(60),
                                              [&](const Result<std::string>& second) {
                                                places.release();
                                                note(second);
                                              });
                            note(first);
                          });
      }
    });
  }
  ended.wait();
  EXPECT_EQ(failed, 0);
}

// A server that answers, refuses, resets, goes away and breaks as the dice fall.
ScriptedPeer::Script moody(unsigned seed) {
  const auto dice = std::make_shared<std::mt19937>(seed);
  return serves([dice](Http2Server& server, const Http2Request& request, bool& stop) {
    switch ((*dice)() % 300) {
      case 0:
        stop = true;
        break;
      case 1:
        server.go_away(request.stream);
        break;
      case 2:
        server.go_away(request.stream - 2);
        break;
      case 3:
        server.reset(request.stream, (*dice)() % 14);
        break;
      case 4:
        break;  // never answered
      default:
        echo(server, request);
    }
  });
}

TEST_F(WireTest, EveryCallEndsOnceWhateverTheServerDoes) {
  const char* given = std::getenv("HOLDFAST_SEED");
  const auto seed = given == nullptr ? static_cast<unsigned>(std::random_device{}())
                                     : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed));
  std::vector<ScriptedPeer::Script> scripts;
  for (unsigned i = 0; i < 2000; ++i) {
    scripts.push_back(moody(seed + i));
  }
  ScriptedPeer peer(std::move(scripts));
  connect(peer);
  constexpr int kThreads = 4;
  constexpr int kCalls = 500;
  std::atomic<int> good = 0;
  std::atomic<int> wrong = 0;
  std::latch ended(kThreads * kCalls);
  std::counting_semaphore<> places(32);
  {
    std::vector<std::jthread> threads;
    for (unsigned t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 dice(seed + 10'000 + t);
        for (int i = 0; i < kCalls; ++i) {
          places.acquire();
          const std::string word(dice() % 2000, static_cast<char>('a' + t));
          const auto begun =
              connection->begin("Echo", word, std::chrono::milliseconds(50 + dice() % 50),
                                [&, word](const Result<std::string>& outcome) {
                                  good += outcome && *outcome == word ? 1 : 0;
                                  wrong += outcome && *outcome != word ? 1 : 0;
                                  places.release();
                                  ended.count_down();
                                });
          if (dice() % 10 == 0) {
            begun->cancel();
          }
        }
      });
    }
  }
  ended.wait();  // a second end of one call would take it below nothing
  EXPECT_EQ(wrong, 0);
  EXPECT_GT(good, 0);
  std::printf("HOLDFAST_SEED=%u: %d of %d calls had their answer\n", seed, good.load(),
              kThreads * kCalls);
}

}  // namespace
}  // namespace holdfast::flow::temporal

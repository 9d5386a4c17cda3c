#include "core/net/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>

#include <future>

#include "core/async/run.h"
#include "core/env/sim/manual_clock.h"

namespace holdfast::net {
namespace {

// A connection to the server that has sent one request.
int ask(std::uint16_t port) {
  const int peer = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(peer, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const std::string_view text = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
  EXPECT_EQ(::send(peer, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
  return peer;
}

TEST(HttpServer, AHandlerHearsThatItsClientHasGone) {
  env::ManualClock clock(UtcTime(std::chrono::seconds(1'000'000'000)));
  async::Pool pool("test", 1);
  std::promise<bool> at_first;
  std::promise<void> noticed;
  auto server =
      HttpServer::start(pool.executor(), clock, {},
                        [&](std::shared_ptr<const HttpRequest> request) -> async::Co<HttpReply> {
                          at_first.set_value(request->connected());
                          while (request->connected()) {
                            co_await boost::asio::post(boost::asio::use_awaitable);
                          }
                          noticed.set_value();
                          co_return HttpReply();
                        });
  ASSERT_TRUE(server) << server.error().to_string();
  const int peer = ask((*server)->port());
  EXPECT_TRUE(at_first.get_future().get());
  ::close(peer);
  noticed.get_future().get();
}

TEST(HttpServer, AnAnswerWithoutContentSaysNoLength) {
  env::ManualClock clock(UtcTime(std::chrono::seconds(1'000'000'000)));
  async::Pool pool("test", 1);
  auto server = HttpServer::start(pool.executor(), clock, {},
                                  [](std::shared_ptr<const HttpRequest>) -> async::Co<HttpReply> {
                                    HttpReply reply;
                                    reply.status = 204;
                                    co_return reply;
                                  });
  ASSERT_TRUE(server) << server.error().to_string();
  const int peer = ask((*server)->port());
  std::string answer;
  char bytes[512];
  while (!answer.contains("\r\n\r\n")) {
    const ssize_t count = ::recv(peer, bytes, sizeof(bytes), 0);
    ASSERT_GT(count, 0);
    answer.append(bytes, static_cast<size_t>(count));
  }
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 204")) << answer;
  EXPECT_EQ(answer.find("ontent-"), std::string::npos) << answer;
  ::close(peer);
}

}  // namespace
}  // namespace holdfast::net

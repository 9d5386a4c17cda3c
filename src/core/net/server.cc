// The HTTP server on Beast's parser and serializer.
//
// Every wait has a deadline: a Watchdog closes the socket when the clock says so, which ends the
// pending operation with an error. Refused before a handler sees them: chunked bodies on HTTP/1.0
// (request smuggling), bodies and headers over the limits, requests that arrive too slowly.
#include "core/net/server.h"

#include <fmt/core.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <condition_variable>
#include <mutex>
#include <set>

#include "core/base/log.h"
#include "core/net/server_parts.h"
#include "core/net/server_watchdog.h"
#include "core/net/url.h"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

std::shared_ptr<HttpRequest> to_request(http::request<http::string_body>& message,
                                        std::string peer) {
  auto request = std::make_shared<HttpRequest>();
  request->method = std::string(message.method_string());
  set_target(*request, message.target());
  request->target = std::string(message.target());
  for (const auto& field : message.base()) {
    std::string& value = request->headers[lower(field.name_string())];
    value += (value.empty() ? "" : ", ") + std::string(field.value());
  }
  request->body = std::move(message.body());
  request->peer = std::move(peer);
  return request;
}

template <class Stream>
class Connection;

class ServerImpl final : public HttpServer {
 public:
  ServerImpl(async::Executor executor, env::Clock& clock, ServerOptions options,
             HttpHandler handler)
      : executor_(std::move(executor)),
        clock_(clock),
        options_(std::move(options)),
        handler_(std::move(handler)),
        acceptor_(executor_) {}
  ~ServerImpl() override { ServerImpl::stop(); }

  Status listen();
  std::uint16_t port() const override { return port_; }
  void stop() override;

  env::Clock& clock() { return clock_; }
  const ServerOptions& options() const { return options_; }
  const HttpHandler& handler() const { return handler_; }
  bool stopping() const { return stopping_; }
  // Registers an open connection; false when there are too many or the server stops.
  bool enter(std::shared_ptr<Watchdog> watchdog, async::Executor strand);
  void leave(const std::shared_ptr<Watchdog>& watchdog);

 private:
  async::Co<void> accept();
  async::Co<void> run(tcp::socket socket);

  async::Executor executor_;
  env::Clock& clock_;
  ServerOptions options_;
  HttpHandler handler_;
  tcp::acceptor acceptor_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::shared_ptr<Watchdog>, async::Executor> open_;
  int coroutines_ = 0;  // and other work under way that stop() waits for
};

// One connection: read a request, answer it, again until either side closes.
template <class Stream>
class Connection {
 public:
  Connection(ServerImpl& server, Stream& stream, std::shared_ptr<Watchdog> watchdog,
             std::string peer, std::string client_name = {})
      : server_(server),
        stream_(stream),
        watchdog_(std::move(watchdog)),
        peer_(std::move(peer)),
        client_name_(std::move(client_name)) {}

  async::Co<void> serve() {
    bool keep_alive = true;
    while (keep_alive && !server_.stopping()) {
      http::request_parser<http::string_body> parser;
      parser.body_limit(server_.options().max_body_bytes);
      parser.header_limit(server_.options().max_header_bytes);
      watchdog_->arm(server_.options().idle_timeout);
      auto [failed_header, header_size] =
          co_await http::async_read_header(stream_, buffer_, parser, kAwait);
      if (failed_header) {
        co_await refuse(failed_header);
        co_return;
      }
      watchdog_->arm(server_.options().read_timeout);
      if (parser.get().version() < 11 && parser.chunked()) {
        co_await write(refusal(400, "chunked transfer needs HTTP/1.1"), false);
        co_return;
      }
      if (parser.get()[http::field::expect] == "100-continue") {
        http::response<http::empty_body> go_on(http::status::continue_, 11);
        co_await http::async_write(stream_, go_on, kAwait);
      }
      auto [failed_body, body_size] = co_await http::async_read(stream_, buffer_, parser, kAwait);
      if (failed_body) {
        co_await refuse(failed_body);
        co_return;
      }
      watchdog_->disarm();
      keep_alive = parser.get().keep_alive();
      http::request<http::string_body> message = parser.release();
      const bool head = message.method() == http::verb::head;
      const auto request = to_request(message, peer_);
      request->client_name = client_name_;
      request->connected = [this] { return watchdog_->peer_waits(); };
      HttpReply reply = co_await server_.handler()(request);
      if (reply.events) {
        co_await stream_events(std::move(reply));
        co_return;
      }
      if (!co_await write(std::move(reply), keep_alive, head)) {
        co_return;
      }
    }
  }

  // Called by the event writer: raw bytes under the write deadline.
  async::Co<bool> send_raw(std::string bytes) {
    if (server_.stopping()) {
      co_return false;
    }
    watchdog_->arm(server_.options().write_timeout);
    auto [failed, size] = co_await asio::async_write(stream_, asio::buffer(bytes), kAwait);
    watchdog_->disarm();
    co_return !failed;
  }

 private:
  async::Co<void> refuse(boost::system::error_code why) {
    if (why == http::error::body_limit) {
      co_await write(refusal(413, "the request body is larger than the server accepts"), false);
    } else if (why == http::error::header_limit) {
      co_await write(refusal(431, "the request header is larger than the server accepts"), false);
    } else if (why.category() == make_error_code(http::error::bad_method).category() &&
               why != http::error::end_of_stream && why != http::error::partial_message) {
      co_await write(refusal(400, "not an HTTP/1.1 request"), false);
    }
  }

  http::response<http::string_body> make_message(const HttpReply& reply, bool keep_alive) {
    http::response<http::string_body> message(static_cast<http::status>(reply.status), 11);
    for (const auto& [name, value] : reply.headers) {
      message.set(name, value);
    }
    message.set(http::field::server, server_.options().server_name);
    message.keep_alive(keep_alive);
    return message;
  }

  async::Co<bool> write(HttpReply reply, bool keep_alive, bool head = false) {
    auto message = make_message(reply, keep_alive);
    const size_t size = reply.body.size();
    if (reply.cut_after && !head) {
      co_return co_await write_cut(std::move(message), std::move(reply));
    }
    if (!head) {
      message.body() = std::move(reply.body);
    }
    if (reply.status != 204) {  // which has no body to measure
      message.content_length(size);
    }
    watchdog_->arm(server_.options().write_timeout);
    auto [failed, written] = co_await http::async_write(stream_, message, kAwait);
    watchdog_->disarm();
    co_return !failed;
  }

  // The whole head, a part of the body, and then nothing more.
  async::Co<bool> write_cut(http::response<http::string_body> message, HttpReply reply) {
    message.content_length(reply.body.size());
    http::response_serializer<http::string_body> serializer(message);
    serializer.split(true);
    watchdog_->arm(server_.options().write_timeout);
    co_await http::async_write_header(stream_, serializer, kAwait);
    reply.body.resize(std::min(*reply.cut_after, reply.body.size()));
    co_await send_raw(std::move(reply.body));
    co_return false;
  }

  async::Co<void> stream_events(HttpReply reply);

  ServerImpl& server_;
  Stream& stream_;
  std::shared_ptr<Watchdog> watchdog_;
  std::string peer_;
  std::string client_name_;
  boost::beast::flat_buffer buffer_;
};

template <class Stream>
class StreamWriter final : public EventWriter {
 public:
  explicit StreamWriter(Connection<Stream>& connection) : connection_(connection) {}

  async::Co<bool> send(std::string event, std::string id, std::string data) override {
    std::string text = "event: " + event + "\n";
    if (!id.empty()) {
      text += "id: " + id + "\n";
    }
    text += "data: " + data + "\n\n";
    return connection_.send_raw(std::move(text));
  }
  async::Co<bool> heartbeat() override { return connection_.send_raw(": still here\n\n"); }

 private:
  Connection<Stream>& connection_;
};

template <class Stream>
async::Co<void> Connection<Stream>::stream_events(HttpReply reply) {
  std::string head = fmt::format(
      "HTTP/1.1 200 OK\r\nserver: holdfast\r\ncontent-type: text/event-stream\r\n"
      "cache-control: no-store\r\nconnection: close\r\n");
  for (const auto& [name, value] : reply.headers) {
    head += name + ": " + value + "\r\n";
  }
  if (co_await send_raw(head + "\r\n")) {
    auto writer = std::make_shared<StreamWriter<Stream>>(*this);
    co_await reply.events(writer);
  }
}

Status ServerImpl::listen() {
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(options_.address, failure);
  if (failure) {
    return Error(Code::kInvalidArgument, "the listen address is no IP address")
        .with("address", options_.address);
  }
  if (!options_.certificate_file.empty()) {
    HF_TRY(tls_, make_tls_context(options_));
  } else if (!address.is_loopback()) {
    return Error(Code::kFailedPrecondition,
                 "plain HTTP is served on loopback only: give a TLS certificate and key, or listen "
                 "on 127.0.0.1")
        .with("address", options_.address);
  }
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), failure);
  if (!failure) {
    acceptor_.set_option(tcp::acceptor::reuse_address(true), failure);
    acceptor_.bind(endpoint, failure);
  }
  if (!failure) {
    acceptor_.listen(asio::socket_base::max_listen_connections, failure);
  }
  if (failure) {
    const std::string where = Url{"", options_.address, options_.port, "", ""}.authority();
    return Error(Code::kConflict, fmt::format("cannot listen on {}: {}", where, failure.message()));
  }
  port_ = acceptor_.local_endpoint(failure).port();
  ++coroutines_;
  asio::co_spawn(executor_, accept(), asio::detached);
  return {};
}

async::Co<void> ServerImpl::accept() {
  while (!stopping_) {
    tcp::socket socket(asio::make_strand(executor_));
    auto [failed] = co_await acceptor_.async_accept(socket, kAwait);
    if (failed) {
      if (stopping_ || failed == asio::error::operation_aborted) {
        break;
      }
      log_warn("http.accept_failed", {{"error", failed.message()}});
      co_await async::sleep_for(clock_, std::chrono::milliseconds(50));
      continue;
    }
    auto strand = socket.get_executor();
    {
      const std::lock_guard lock(mutex_);
      ++coroutines_;
    }
    asio::co_spawn(strand, run(std::move(socket)), asio::detached);
  }
  const std::lock_guard lock(mutex_);
  --coroutines_;
  changed_.notify_all();
}

async::Co<void> ServerImpl::run(tcp::socket socket) {
  boost::system::error_code failure;
  const std::string peer = socket.remote_endpoint(failure).address().to_string();
  socket.set_option(tcp::no_delay(true), failure);
  if (tls_) {
    asio::ssl::stream<tcp::socket> stream(std::move(socket), *tls_);
    auto watchdog = std::make_shared<Watchdog>(clock_, stream.next_layer());
    if (enter(watchdog, stream.get_executor())) {
      watchdog->arm(options_.read_timeout);
      auto [failed] = co_await stream.async_handshake(asio::ssl::stream_base::server, kAwait);
      if (!failed) {
        co_await Connection<asio::ssl::stream<tcp::socket>>(*this, stream, watchdog, peer,
                                                            peer_name(stream))
            .serve();
      }
      leave(watchdog);
    }
  } else {
    auto watchdog = std::make_shared<Watchdog>(clock_, socket);
    if (enter(watchdog, socket.get_executor())) {
      co_await Connection<tcp::socket>(*this, socket, watchdog, peer).serve();
      socket.shutdown(tcp::socket::shutdown_send, failure);
      leave(watchdog);
    }
  }
  const std::lock_guard lock(mutex_);
  --coroutines_;
  changed_.notify_all();
}

bool ServerImpl::enter(std::shared_ptr<Watchdog> watchdog, async::Executor strand) {
  const std::lock_guard lock(mutex_);
  if (stopping_ || open_.size() >= static_cast<size_t>(options_.max_connections)) {
    return false;
  }
  open_.emplace(std::move(watchdog), std::move(strand));
  return true;
}

void ServerImpl::leave(const std::shared_ptr<Watchdog>& watchdog) {
  watchdog->release();
  const std::lock_guard lock(mutex_);
  open_.erase(watchdog);
}

void ServerImpl::stop() {
  if (stopping_.exchange(true)) {
    return;
  }
  std::unique_lock lock(mutex_);
  ++coroutines_;  // closing wakes the accepting coroutine, which may end before close() returns
  asio::post(acceptor_.get_executor(), [this] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    const std::lock_guard guard(mutex_);
    --coroutines_;
    changed_.notify_all();
  });
  for (const auto& [watchdog, strand] : open_) {
    asio::post(strand, [held = watchdog] { held->close(); });
  }
  changed_.wait(lock, [this] { return coroutines_ == 0; });
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::start(async::Executor executor, env::Clock& clock,
                                                      ServerOptions options, HttpHandler handler) {
  auto server = std::make_unique<ServerImpl>(std::move(executor), clock, std::move(options),
                                             std::move(handler));
  HF_TRY_VOID(server->listen());
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace holdfast::net

// HTTP/1.1 server: connections, limits, deadlines, streaming. Routing and meaning live above.
//
// Plain HTTP is served on loopback addresses only; any other address needs a certificate. One
// connection is one coroutine on the server's executor; handlers must not block it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/async/co.h"
#include "core/env/clock.h"
#include "core/net/headers.h"

namespace holdfast::net {

struct HttpRequest {
  std::string method;
  std::string path;    // percent-decoded, without the query
  std::string target;  // path and query as they were sent: tells %2F from '/'
  std::map<std::string, std::string, std::less<>> query;
  HeaderMap headers;  // a repeated header is joined with ", "
  std::string body;
  std::string peer;
  std::string client_name;  // common name of a verified client certificate; see client_ca_file
  // Whether somebody still waits for the answer, as far as this machine knows; only while the
  // handler runs. A handler that waited long asks before it gives away what cannot be taken back.
  std::function<bool()> connected = [] { return true; };

  // The header's value, or an empty text.
  std::string_view header(std::string_view name) const;
  std::string query_or(std::string_view name, std::string fallback) const;
};

// The writing side of one server-sent-event answer.
class EventWriter {
 public:
  virtual ~EventWriter() = default;
  // Sends one event; false when the client has gone or the server stops.
  virtual async::Co<bool> send(std::string event, std::string id, std::string data) = 0;
  // Sends a comment line that keeps the connection open; false as above.
  virtual async::Co<bool> heartbeat() = 0;
};

struct HttpReply {
  int status = 200;
  HeaderMap headers;
  std::string body;
  // When set, the connection closes after so many bytes of the body: a server that broke off. Only
  // simulators set it.
  std::optional<std::size_t> cut_after;
  // When set, the body is ignored and this coroutine writes an event stream until it returns.
  std::function<async::Co<void>(std::shared_ptr<EventWriter>)> events;
};

using HttpHandler = std::function<async::Co<HttpReply>(std::shared_ptr<const HttpRequest>)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free port
  std::size_t max_body_bytes = 1u << 20;
  std::uint32_t max_header_bytes = 16u << 10;
  int max_connections = 1024;
  Nanoseconds read_timeout = std::chrono::seconds(30);   // for one whole request
  Nanoseconds idle_timeout = std::chrono::seconds(120);  // between requests
  Nanoseconds write_timeout = std::chrono::seconds(60);
  std::string certificate_file;  // PEM chain; empty: plain HTTP
  std::string private_key_file;  // PEM
  // PEM; when set, a client may show a certificate of this authority, and one of another is
  // refused.
  std::string client_ca_file;
  std::string server_name = "holdfast";  // the answers' Server header
};

class HttpServer {
 public:
  // Binds and starts to accept on `executor`. Errors: address in use (kConflict), not loopback
  // without a certificate (kFailedPrecondition), unreadable certificate (kInvalidArgument).
  static Result<std::unique_ptr<HttpServer>> start(async::Executor executor, env::Clock& clock,
                                                   ServerOptions options, HttpHandler handler);
  virtual ~HttpServer() = default;

  virtual std::uint16_t port() const = 0;
  // Stops accepting, closes idle connections and ends event streams; returns when all are closed.
  // Call it from a thread that does not run the executor.
  virtual void stop() = 0;
};

// Sets path and query from a request target such as /a%20b?x=1&y=2.
void set_target(HttpRequest& request, std::string_view target);

}  // namespace holdfast::net

// HTTP client: requests out, answers in, bounded in time, size and connections.
//
// One client serves a whole process, or one system with credentials of its own. Its connections
// live on one own thread and are kept open for the next request; TLS certificates are verified
// unless `insecure` says otherwise. An answer with any status is a value, never an error: what 404
// or 503 means is the caller's to say.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/async/co.h"
#include "core/env/clock.h"
#include "core/net/headers.h"

namespace holdfast::net {

struct ClientRequest {
  std::string method = "GET";
  std::string url;    // absolute, http or https
  HeaderMap headers;  // lower-case names; a value with a line end is refused
  std::string body;
  // W3C trace context of the caller; sent as it is where it is not empty.
  std::string traceparent;
  // From send() to the last byte of the answer; 0 = no limit, for event streams.
  Nanoseconds deadline = std::chrono::seconds(30);
  // Longest silence of the other side; 0 = no limit. Precise to a factor of two.
  Nanoseconds idle_limit = Nanoseconds(0);
  std::size_t max_response_bytes = 8u << 20;
};

struct ClientResponse {
  int status = 0;
  HeaderMap headers;  // lower-case names; a repeated header is joined with ", "
  std::string body;

  // The header's value, or an empty text.
  std::string_view header(std::string_view name) const;
};

// Takes the bytes of a body as they come; returns false to end the transfer. Runs on the client's
// own thread: it must hand over and return, never block.
using BodySink = std::move_only_function<bool(std::string_view bytes)>;

// How the other side is known, and how this side shows itself to it. All connections of one client
// share it; a system with credentials of its own gets a client of its own.
struct TlsOptions {
  std::string ca_file;  // PEM; empty: the system's trust store
  // SHA-256 of the server's certificate or of its public key (SPKI), 64 hexadecimal digits with or
  // without colons. Alone it replaces authority and host name; beside `ca_file` both must hold.
  std::string pin;
  bool insecure = false;         // trusts every certificate; a pin still holds
  std::string certificate_file;  // PEM, of this side; empty: none
  std::string private_key_file;  // PEM, without a passphrase
};

struct ClientOptions {
  int max_connections = 64;
  int max_connections_per_host = 8;  // further requests wait for a free one
  Nanoseconds connect_limit = std::chrono::seconds(10);
  TlsOptions tls;
  std::string proxy;  // http://host:port; empty: direct, whatever the environment says
  std::string user_agent = "holdfast";
};

// Methods may be called from any thread. Errors of both verbs:
//   kInvalidArgument     the address, method or a header is malformed; nothing was sent
//   kUnavailable         no connection, or it broke: transient where nothing was sent or the method
//                        is idempotent, unknown for the others
//   kFailedPrecondition  the certificate of the other side does not verify; where it is not the
//                        pinned one, the context `sha256` is that of the one that was shown
//   kDeadlineExceeded    `deadline` or `idle_limit` passed
//   kResourceExhausted   the answer is larger than allowed
//   kCancelled           the coroutine was cancelled, or the client is being destroyed
// Messages name host and port, never the whole address: a query may hold a secret.
class HttpClient {
 public:
  static Result<std::unique_ptr<HttpClient>> create(env::Clock& clock, ClientOptions options);
  // Cancels what is under way, resumes every waiting coroutine and joins the thread. The clock and
  // the executors of the callers must still live.
  virtual ~HttpClient() = default;

  // The whole answer in memory.
  virtual async::Co<Result<ClientResponse>> send(ClientRequest request) = 0;
  // Hands the body of a 2xx answer to `sink` and leaves `body` empty; the body of any other answer
  // is collected as in send(). Ends well when the other side ends or the sink returns false.
  virtual async::Co<Result<ClientResponse>> stream(ClientRequest request, BodySink sink) = 0;
};

// Whether repeating a request that got this status can help: 408, 425, 429, 500, 502, 503, 504.
bool is_transient_status(int status);

}  // namespace holdfast::net

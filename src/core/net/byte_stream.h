// A client's connection to a server, TCP or TLS over it, whose reads and writes never wait.
//
// For protocols that many calls share on one connection (http2_session.h). Requests of their own
// go through http_client.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/env/clock.h"

namespace holdfast::net {

// Texts, not files: PEM. TLS 1.2 is the least.
struct TlsIdentity {
  std::string authorities;  // who may sign the server's certificate; empty: the system's
  std::string certificate;  // with its chain, and its key: what the client shows; empty: nothing
  std::string private_key;
  std::string server_name;  // in the server's certificate; a name or an IP address
  std::string protocol;     // asked for by ALPN (RFC 7301), e.g. "h2"; empty: none
};

// Not for two threads at once.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  // To wait on, with poll(2), for input (and output after a short write).
  virtual int descriptor() const = 0;
  // How many bytes came; fewer than asked for when there are no more now. kUnavailable, transient:
  // the connection is over.
  virtual Result<std::size_t> read(std::span<char> into) = 0;
  // How many bytes went, 0 when none can go now. kUnavailable, transient, likewise.
  virtual Result<std::size_t> write(std::string_view bytes) = 0;
};

struct DialOptions {
  std::string host;  // a name or an address (IPv6 without brackets)
  std::uint16_t port = 0;
  Nanoseconds patience = std::chrono::seconds(20);  // for all of it; resolving is not counted
  const TlsIdentity* tls = nullptr;                 // null: plain TCP
};

// Blocks: resolves the name, tries its addresses in turn, shakes hands. kUnavailable, transient:
// nobody answers, or TLS fails, with the reason; kInvalidArgument: a PEM text cannot be read;
// kCancelled: `stop`, within a tenth of a second (resolving cannot be cut short).
Result<std::unique_ptr<ByteStream>> dial(const DialOptions& options, env::Clock& clock,
                                         const std::stop_token& stop);

// kInvalidArgument: a PEM text cannot be read, or the key is not the certificate's.
Status check_identity(const TlsIdentity& tls);

}  // namespace holdfast::net

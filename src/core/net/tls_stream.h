// TLS over a connected socket, as a client.
#pragma once

#include <memory>

#include "core/net/byte_stream.h"

struct ssl_ctx_st;

namespace holdfast::net {

struct FreeContext {
  void operator()(ssl_ctx_st* context) const;
};
using TlsContext = std::unique_ptr<ssl_ctx_st, FreeContext>;

// kInvalidArgument: a PEM text cannot be read, or the key is not the certificate's.
Result<TlsContext> tls_context(const TlsIdentity& tls);

// A stream before its handshake.
class TlsStream : public ByteStream {
 public:
  enum class Wants { kNothing, kInput, kOutput };
  // One step of the handshake; kNothing: it is done. kUnavailable: it failed, with the reason.
  virtual Result<Wants> shake_hands() = 0;
};

// Takes the socket, which does not block.
Result<std::unique_ptr<TlsStream>> tls_over(int socket, const TlsIdentity& tls);

}  // namespace holdfast::net

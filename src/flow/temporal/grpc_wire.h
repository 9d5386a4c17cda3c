// gRPC over HTTP/2 as bytes and headers: one message there, one back.
// Source: "gRPC over HTTP2" (doc/PROTOCOL-HTTP2.md of gRPC) and its table of statuses.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::flow::temporal {

inline constexpr std::size_t kLargestReply = 128u << 20;

// The message with its prefix: one byte "not compressed" and four of length.
std::string grpc_frame(std::string_view message);
// What the header grpc-timeout says, e.g. "1500m"; at least one millisecond.
std::string grpc_timeout(Nanoseconds time);

// Gathers what comes back for one call, and says at its end what it was.
class GrpcAnswer {
 public:
  void header(std::string_view name, std::string_view value);
  // False: larger than kLargestReply, or not what was asked for; nothing more is taken.
  bool data(std::string_view bytes);
  // After the last byte; `http2_error` is the stream's. The message, or what the server or its
  // proxy said (errors.h). Once.
  Result<std::string> finish(std::uint32_t http2_error);
  // The server has not looked at the call: it may be sent again, wherever it goes.
  static bool refused(std::uint32_t http2_error);

 private:
  Result<std::string> message();

  int http_status_ = 0;
  int grpc_status_ = -1;  // none came
  bool grpc_content_ = false;
  std::string text_;     // grpc-message
  std::string details_;  // grpc-status-details-bin
  std::string body_;
  Status wrong_;  // why data() said no
};

}  // namespace holdfast::flow::temporal

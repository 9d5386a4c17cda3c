#include "flow/temporal/grpc_wire.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "core/base/bytes.h"
#include "core/net/http2_session.h"
#include "core/net/url.h"
#include "flow/temporal/errors.h"

namespace holdfast::flow::temporal {
namespace {

constexpr std::size_t kPrefix = 5;

// Status numbers of gRPC.
constexpr int kCancelled = 1;
constexpr int kUnknown = 2;
constexpr int kPermissionDenied = 7;
constexpr int kResourceExhausted = 8;
constexpr int kUnimplemented = 12;
constexpr int kInternal = 13;
constexpr int kUnavailable = 14;
constexpr int kUnauthenticated = 16;

int number(std::string_view text) {
  int value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

// Of an answer without a gRPC status: something between us and the server speaks.
int status_of_http(int http) {
  switch (http) {
    case 400:
      return kInternal;
    case 401:
      return kUnauthenticated;
    case 403:
      return kPermissionDenied;
    case 404:
      return kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return kUnavailable;
    default:
      return kUnknown;
  }
}

int status_of_reset(std::uint32_t http2_error) {
  switch (http2_error) {
    case net::Http2Session::kRefusedStream:
      return kUnavailable;
    case net::Http2Session::kCancel:
      return kCancelled;
    case net::Http2Session::kEnhanceYourCalm:
      return kResourceExhausted;
    case net::Http2Session::kInadequateSecurity:
      return kPermissionDenied;
    default:
      return kInternal;
  }
}

// Binary headers are base64 with or without padding.
std::string binary_header(std::string_view value) {
  std::string padded(value);
  while (padded.size() % 4 != 0) {
    padded += '=';
  }
  const Result<Buffer> bytes = from_base64(padded);
  return bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
}

std::size_t announced(std::string_view prefix) {
  std::size_t size = 0;
  for (std::size_t i = 1; i < kPrefix; ++i) {
    size = size << 8 | static_cast<unsigned char>(prefix[i]);
  }
  return size;
}

}  // namespace

std::string grpc_frame(std::string_view message) {
  std::string frame;
  frame.reserve(kPrefix + message.size());
  frame += '\0';
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame += static_cast<char>(message.size() >> shift & 0xff);
  }
  return frame.append(message);
}

std::string grpc_timeout(Nanoseconds time) {
  constexpr std::int64_t kMost = 99'999'999;  // eight digits
  const std::int64_t ms =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::milliseconds>(time).count());
  return ms <= kMost ? std::to_string(ms) + "m" : std::to_string(std::min(ms / 1000, kMost)) + "S";
}

void GrpcAnswer::header(std::string_view name, std::string_view value) {
  if (name == ":status") {
    http_status_ = number(value);
  } else if (name == "grpc-status") {
    grpc_status_ = number(value);
  } else if (name == "grpc-message") {
    text_ = net::url_decode(value);
  } else if (name == "grpc-status-details-bin") {
    details_ = binary_header(value);
  } else if (name == "content-type") {
    grpc_content_ = value.starts_with("application/grpc");
  }
}

bool GrpcAnswer::data(std::string_view bytes) {
  if (!wrong_ || http_status_ != 200 || !grpc_content_) {
    return static_cast<bool>(wrong_);  // a proxy's page: its status says enough
  }
  const bool first = body_.size() < kPrefix;
  body_.append(bytes);
  if (!first || body_.size() < kPrefix) {
    return body_.size() <= kPrefix + kLargestReply;
  }
  const std::size_t size = announced(body_);
  if (body_[0] != '\0') {
    wrong_ = Error(Code::kDataLoss, "an answer of Temporal is compressed, which was not asked for");
  } else if (size > kLargestReply) {
    wrong_ = Error(Code::kResourceExhausted, "an answer of Temporal is larger than 128 MiB");
  } else {
    body_.reserve(kPrefix + size);
  }
  return static_cast<bool>(wrong_);
}

bool GrpcAnswer::refused(std::uint32_t http2_error) {
  return http2_error == net::Http2Session::kRefusedStream;
}

Result<std::string> GrpcAnswer::message() {
  if (body_.size() < kPrefix || body_.size() != kPrefix + announced(body_)) {
    return Error(Code::kDataLoss, "an answer of Temporal is cut off or too long");
  }
  return body_.substr(kPrefix);
}

Result<std::string> GrpcAnswer::finish(std::uint32_t http2_error) {
  if (!wrong_) {
    return wrong_.error();
  }
  if (grpc_status_ == 0) {
    return message();
  }
  if (grpc_status_ > 0) {
    return call_error(grpc_status_, text_, details_);
  }
  if (http_status_ > 0 && (http_status_ != 200 || !grpc_content_)) {
    return call_error(status_of_http(http_status_),
                      "HTTP status " + std::to_string(http_status_) + " and no answer of gRPC", "");
  }
  if (http2_error != 0) {
    return call_error(status_of_reset(http2_error),
                      "the stream was reset, HTTP/2 error " + std::to_string(http2_error), "");
  }
  return call_error(kInternal, "the answer has no status", "");
}

}  // namespace holdfast::flow::temporal

#include "flow/temporal/link.h"

namespace holdfast::flow::temporal {
namespace {

constexpr Nanoseconds kSilence = std::chrono::seconds(30);
constexpr Nanoseconds kPatience = std::chrono::seconds(15);

}  // namespace

Link::Link(std::unique_ptr<net::ByteStream> stream, env::Clock& clock)
    : stream_(std::move(stream)), session_({}), clock_(clock), heard_(clock.mono()) {}

Result<std::int32_t> Link::request(std::span<const net::Http2Session::Header> headers,
                                   std::string body,
                                   std::shared_ptr<net::Http2Session::Receiver> receiver) {
  return session_.request(headers, std::move(body), std::move(receiver));
}

Status Link::flush() {
  HF_TRY_VOID(session_.take_output(output_));
  while (sent_ < output_.size()) {
    HF_TRY(const std::size_t count, stream_->write(std::string_view(output_).substr(sent_)));
    if (count == 0) {
      return {};
    }
    sent_ += count;
  }
  output_.clear();
  sent_ = 0;
  if (session_.is_over()) {
    return Error(Code::kUnavailable, "the HTTP/2 connection has ended", Retry::kTransient);
  }
  return {};
}

Status Link::receive() {
  while (true) {
    HF_TRY(const std::size_t count, stream_->read(input_));
    if (count == 0) {
      return {};
    }
    heard_ = clock_.mono();
    heard_anything_ = true;
    pinged_.reset();
    HF_TRY_VOID(session_.receive({input_.data(), count}));
    if (count < input_.size()) {
      return {};
    }
  }
}

Status Link::look(MonoTime now) {
  if (pinged_ && now - *pinged_ >= kPatience) {
    return Error(Code::kUnavailable, "the Temporal server has fallen silent", Retry::kTransient);
  }
  if (!pinged_ && now - heard_ >= kSilence) {
    pinged_ = now;
    session_.ping();
    return flush();
  }
  return {};
}

}  // namespace holdfast::flow::temporal

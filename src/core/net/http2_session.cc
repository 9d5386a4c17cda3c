#include "core/net/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <vector>

#include "core/base/check.h"

namespace holdfast::net {
namespace {

struct Stream {
  std::string body;
  std::size_t sent = 0;
  bool unsent = false;                               // the request never left
  std::shared_ptr<Http2Session::Receiver> receiver;  // null: abandoned
};

Error broken(int code) {
  return Error(Code::kUnavailable, "the HTTP/2 connection cannot go on", Retry::kTransient)
      .with("reason", nghttp2_strerror(code));
}

nghttp2_nv to_entry(const Http2Session::Header& header) {
  // The library copies both and does not change them.
  auto* name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(header.name.data()));
  auto* value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(header.value.data()));
  return {
      name, value, header.name.size(), header.value.size(),
      static_cast<std::uint8_t>(header.varies ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)};
}

ssize_t give_body(nghttp2_session*, std::int32_t, std::uint8_t* into, std::size_t size,
                  std::uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& stream = *static_cast<Stream*>(source->ptr);
  const std::size_t count = std::min(size, stream.body.size() - stream.sent);
  std::memcpy(into, stream.body.data() + stream.sent, count);
  stream.sent += count;
  if (stream.sent == stream.body.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
  }
  return static_cast<ssize_t>(count);
}

}  // namespace

struct Http2Session::State {
  nghttp2_session* session = nullptr;
  std::unordered_map<std::int32_t, Stream> streams;
  bool going_away = false;

  Receiver* receiver_of(std::int32_t stream) {
    const auto found = streams.find(stream);
    return found == streams.end() ? nullptr : found->second.receiver.get();
  }

  static State& of(void* user) { return *static_cast<State*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    if (Receiver* receiver = of(user).receiver_of(frame->hd.stream_id)) {
      receiver->on_header({reinterpret_cast<const char*>(name), name_size},
                          {reinterpret_cast<const char*>(value), value_size});
    }
    return 0;
  }

  static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t stream,
                     const std::uint8_t* data, std::size_t size, void* user) {
    Receiver* receiver = of(user).receiver_of(stream);
    if (receiver != nullptr && !receiver->on_data({reinterpret_cast<const char*>(data), size})) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
    }
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    State& state = of(user);
    state.going_away = state.going_away || frame->hd.type == NGHTTP2_GOAWAY;
    return 0;
  }

  static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
    const auto found = of(user).streams.find(frame->hd.stream_id);
    if (frame->hd.type == NGHTTP2_HEADERS && found != of(user).streams.end()) {
      found->second.unsent = true;
    }
    return 0;
  }

  static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* user) {
    auto gone = of(user).streams.extract(stream);
    if (!gone.empty() && gone.mapped().receiver != nullptr) {
      gone.mapped().receiver->on_close(gone.mapped().unsent ? kRefusedStream : error);
    }
    return 0;
  }
};

Http2Session::Http2Session(Windows windows) : state_(std::make_unique<State>()) {
  nghttp2_session_callbacks* callbacks = nullptr;
  HF_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0, "no memory for HTTP/2");
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &State::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &State::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &State::on_frame);
  nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &State::on_not_sent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &State::on_close);
  const int made = nghttp2_session_client_new(&state_->session, callbacks, state_.get());
  nghttp2_session_callbacks_del(callbacks);
  HF_CHECK(made == 0, "no memory for HTTP/2");
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<std::uint32_t>(windows.stream)}};
  nghttp2_submit_settings(state_->session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(state_->session, NGHTTP2_FLAG_NONE, 0, windows.connection);
}

Http2Session::~Http2Session() { nghttp2_session_del(state_->session); }

Result<std::int32_t> Http2Session::request(std::span<const Header> headers, std::string body,
                                           std::shared_ptr<Receiver> receiver) {
  if (state_->going_away) {
    return broken(NGHTTP2_ERR_START_STREAM_NOT_ALLOWED);
  }
  std::vector<nghttp2_nv> entries(headers.size());
  std::transform(headers.begin(), headers.end(), entries.begin(), &to_entry);
  // The number is known before the request is made, so that the body has its place at once.
  const auto number =
      static_cast<std::int32_t>(nghttp2_session_get_next_stream_id(state_->session));
  Stream& stream = state_->streams[number];
  stream = {std::move(body), 0, false, std::move(receiver)};
  nghttp2_data_provider provider{};
  provider.source.ptr = &stream;
  provider.read_callback = &give_body;
  const std::int32_t made = nghttp2_submit_request(state_->session, nullptr, entries.data(),
                                                   entries.size(), &provider, nullptr);
  if (made != number) {
    state_->streams.erase(number);
    return broken(made);
  }
  return number;
}

void Http2Session::abandon(std::int32_t stream) {
  const auto found = state_->streams.find(stream);
  if (found != state_->streams.end()) {
    found->second.receiver.reset();
    nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
  }
}

void Http2Session::ping() { nghttp2_submit_ping(state_->session, NGHTTP2_FLAG_NONE, nullptr); }

Status Http2Session::receive(std::string_view bytes) {
  const ssize_t taken = nghttp2_session_mem_recv(
      state_->session, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  if (taken < 0) {
    return broken(static_cast<int>(taken));
  }
  return {};
}

Status Http2Session::take_output(std::string& out) {
  while (true) {
    const std::uint8_t* data = nullptr;
    const ssize_t size = nghttp2_session_mem_send(state_->session, &data);
    if (size < 0) {
      return broken(static_cast<int>(size));
    }
    if (size == 0) {
      break;
    }
    out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  return {};
}

bool Http2Session::is_over() const {
  return nghttp2_session_want_read(state_->session) == 0 &&
         nghttp2_session_want_write(state_->session) == 0;
}

bool Http2Session::going_away() const { return state_->going_away; }
std::size_t Http2Session::open_streams() const { return state_->streams.size(); }

}  // namespace holdfast::net

#include "core/net/testing/http2_server.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>

#include "core/base/check.h"

namespace holdfast::net::testing {
namespace {

std::vector<nghttp2_nv> entries_of(const Http2Headers& headers) {
  std::vector<nghttp2_nv> entries;
  for (const auto& [name, value] : headers) {
    entries.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                       reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                       name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  }
  return entries;
}

struct Answer {
  std::string data;
  std::size_t sent = 0;
  Http2Headers trailers;
};

ssize_t give_data(nghttp2_session* session, std::int32_t stream, std::uint8_t* into,
                  std::size_t size, std::uint32_t* flags, nghttp2_data_source* source, void*) {
  auto& answer = *static_cast<Answer*>(source->ptr);
  const std::size_t count = std::min(size, answer.data.size() - answer.sent);
  std::memcpy(into, answer.data.data() + answer.sent, count);
  answer.sent += count;
  if (answer.sent == answer.data.size()) {
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!answer.trailers.empty()) {
      *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const auto entries = entries_of(answer.trailers);
      nghttp2_submit_trailer(session, stream, entries.data(), entries.size());
    }
  }
  return static_cast<ssize_t>(count);
}

}  // namespace

struct Http2Server::State {
  Http2Server* owner = nullptr;
  OnRequest on_request;
  nghttp2_session* session = nullptr;
  std::map<std::int32_t, Http2Request> requests;
  std::map<std::int32_t, Answer> answers;

  static State& of(void* user) { return *static_cast<State*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                       std::uint8_t, void* user) {
    of(user).requests[frame->hd.stream_id].headers.emplace(
        std::string(reinterpret_cast<const char*>(name), name_size),
        std::string(reinterpret_cast<const char*>(value), value_size));
    return 0;
  }

  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream, const std::uint8_t* data,
                     std::size_t size, void* user) {
    of(user).requests[stream].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }

  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    State& state = of(user);
    const bool stream = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      Http2Request& request = state.requests[frame->hd.stream_id];
      request.stream = frame->hd.stream_id;
      state.on_request(*state.owner, request);
    }
    return 0;
  }
};

Http2Server::Http2Server(OnRequest on_request, std::uint32_t max_streams)
    : state_(std::make_unique<State>()) {
  state_->owner = this;
  state_->on_request = std::move(on_request);
  nghttp2_session_callbacks* callbacks = nullptr;
  HF_CHECK(nghttp2_session_callbacks_new(&callbacks) == 0, "no memory for HTTP/2");
  nghttp2_session_callbacks_set_on_header_callback(callbacks, &State::on_header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &State::on_data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &State::on_frame);
  nghttp2_session_server_new(&state_->session, callbacks, state_.get());
  nghttp2_session_callbacks_del(callbacks);
  const nghttp2_settings_entry settings = {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, max_streams};
  nghttp2_submit_settings(state_->session, NGHTTP2_FLAG_NONE, &settings, 1);
}

Http2Server::~Http2Server() { nghttp2_session_del(state_->session); }

bool Http2Server::receive(std::string_view bytes) {
  return nghttp2_session_mem_recv(state_->session,
                                  reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                  bytes.size()) >= 0;
}

std::string Http2Server::output() {
  std::string out;
  const std::uint8_t* data = nullptr;
  for (ssize_t size = 0; (size = nghttp2_session_mem_send(state_->session, &data)) > 0;) {
    out.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
  }
  return out;
}

void Http2Server::answer(std::int32_t stream, const Http2Headers& headers, const std::string& data,
                         const Http2Headers& trailers) {
  const auto entries = entries_of(headers);
  Answer& answer = state_->answers[stream];
  answer = {data, 0, trailers};
  nghttp2_data_provider provider{};
  provider.source.ptr = &answer;
  provider.read_callback = &give_data;
  const bool only_headers = data.empty() && trailers.empty();
  nghttp2_submit_response(state_->session, stream, entries.data(), entries.size(),
                          only_headers ? nullptr : &provider);
}

void Http2Server::reset(std::int32_t stream, std::uint32_t error) {
  nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, stream, error);
}

void Http2Server::go_away(std::int32_t last) {
  nghttp2_submit_goaway(state_->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

}  // namespace holdfast::net::testing

// One HTTP/2 connection to Temporal: what goes out waits in it until the socket takes it.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "core/base/result.h"
#include "core/env/clock.h"
#include "core/net/byte_stream.h"
#include "core/net/http2_session.h"

namespace holdfast::flow::temporal {

// Not for two threads at once. After an error the connection is over.
class Link {
 public:
  Link(std::unique_ptr<net::ByteStream> stream, env::Clock& clock);

  int descriptor() const { return stream_->descriptor(); }
  bool wants_output() const { return !output_.empty(); }
  bool takes_calls() const { return !session_.going_away(); }
  // The server said that it goes, and everything that it owed has come.
  bool is_done() const { return session_.going_away() && session_.open_streams() == 0; }
  bool was_heard() const { return heard_anything_; }

  Result<std::int32_t> request(std::span<const net::Http2Session::Header> headers, std::string body,
                               std::shared_ptr<net::Http2Session::Receiver> receiver);
  void abandon(std::int32_t stream) { session_.abandon(stream); }

  // Sends what the socket takes.
  Status flush();
  // Handles everything that has come.
  Status receive();
  // Asks a server that has been silent for 30 s whether it is there; kUnavailable, transient, when
  // it has not said anything 15 s later.
  Status look(MonoTime now);

 private:
  std::unique_ptr<net::ByteStream> stream_;
  net::Http2Session session_;
  env::Clock& clock_;
  std::string output_;
  std::size_t sent_ = 0;  // of output_
  MonoTime heard_;
  bool heard_anything_ = false;
  std::optional<MonoTime> pinged_;
  std::array<char, 64 << 10> input_;
};

}  // namespace holdfast::flow::temporal

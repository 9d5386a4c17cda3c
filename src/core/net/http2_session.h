// The client's side of one HTTP/2 connection (RFC 9113) as a machine over bytes: what came from the
// server in, what goes to it out. The connection itself, its clock and its threads are the
// caller's.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast::net {

// Not for two threads at once. Receivers are called in receive() and take_output(), and must not
// call back into the session.
class Http2Session {
 public:
  struct Header {
    std::string_view name;  // lower case; pseudo-headers (":method" ...) come first
    std::string_view value;
    bool varies = false;  // another value each time: kept out of the compression's memory
  };

  // Takes what comes back for one request.
  class Receiver {
   public:
    virtual ~Receiver() = default;
    // Of the headers and of the trailers, in order.
    virtual void on_header(std::string_view name, std::string_view value) = 0;
    // False: enough, the stream is reset.
    virtual bool on_data(std::string_view bytes) = 0;
    // The last call. `error` is HTTP/2's error code, 0 when the stream ended as it should.
    virtual void on_close(std::uint32_t error) = 0;
  };

  static constexpr std::uint32_t kRefusedStream = 7;  // the server did nothing with it
  static constexpr std::uint32_t kCancel = 8;
  static constexpr std::uint32_t kEnhanceYourCalm = 11;
  static constexpr std::uint32_t kInadequateSecurity = 12;

  // How much the server may send before it is read: of one stream, and of all.
  struct Windows {
    std::int32_t stream = 4 << 20;
    std::int32_t connection = 16 << 20;
  };
  explicit Http2Session(Windows windows);
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // A request with its whole body; waits inside while the server allows no more streams. The
  // receiver lives until its on_close(), or until the session goes. Returns the stream's number.
  // kUnavailable, transient: no stream can be begun on this connection any more.
  Result<std::int32_t> request(std::span<const Header> headers, std::string body,
                               std::shared_ptr<Receiver> receiver);
  // Gives a stream up; its receiver hears nothing more.
  void abandon(std::int32_t stream);
  void ping();

  // kUnavailable, transient: what came is not HTTP/2, or ends the connection.
  Status receive(std::string_view bytes);
  // Appends what is to be sent; nothing to send leaves `out` as it is.
  Status take_output(std::string& out);

  bool is_over() const;     // nothing comes or goes any more
  bool going_away() const;  // the server takes no new streams (GOAWAY)
  std::size_t open_streams() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net

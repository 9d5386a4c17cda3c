// For tests: the server's side of an HTTP/2 connection as a machine over bytes, by nghttp2.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::net::testing {

using Http2Headers = std::vector<std::pair<std::string, std::string>>;

struct Http2Request {
  std::int32_t stream = 0;
  std::map<std::string, std::string> headers;
  std::string body;
};

class Http2Server {
 public:
  // Called for each request that is whole; answers may also come later.
  using OnRequest = std::function<void(Http2Server& server, const Http2Request& request)>;

  explicit Http2Server(OnRequest on_request, std::uint32_t max_streams = 100);
  ~Http2Server();
  Http2Server(const Http2Server&) = delete;
  Http2Server& operator=(const Http2Server&) = delete;

  // Takes what the client sent; false when it is not HTTP/2.
  bool receive(std::string_view bytes);
  // Everything that is to be sent now.
  std::string output();

  // Headers, data and trailers; without data and trailers the headers end the stream.
  void answer(std::int32_t stream, const Http2Headers& headers, const std::string& data = "",
              const Http2Headers& trailers = {});
  void reset(std::int32_t stream, std::uint32_t error);
  // No streams after `last` are taken.
  void go_away(std::int32_t last);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net::testing

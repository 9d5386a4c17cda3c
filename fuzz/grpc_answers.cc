// Any bytes from a server: HTTP/2 and the gRPC in it neither crash nor read past their input, and
// every stream that was begun has its end at most once.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "core/net/http2_session.h"
#include "flow/temporal/grpc_wire.h"

namespace {

using holdfast::flow::temporal::GrpcAnswer;
using holdfast::net::Http2Session;

class Call final : public Http2Session::Receiver {
 public:
  void on_header(std::string_view name, std::string_view value) override {
    answer_.header(name, value);
  }
  bool on_data(std::string_view bytes) override { return answer_.data(bytes); }
  void on_close(std::uint32_t error) override {
    if (closed_) {
      std::abort();
    }
    closed_ = true;
    (void)answer_.finish(error);
  }

 private:
  GrpcAnswer answer_;
  bool closed_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Http2Session session({});
  const Http2Session::Header headers[] = {
      {":method", "POST"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/x"}};
  std::string out;
  for (int i = 0; i < 3; ++i) {
    (void)session.request(headers, "body", std::make_shared<Call>());
  }
  (void)session.take_output(out);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t half = size / 2;
  if (session.receive(bytes.substr(0, half)) && session.take_output(out)) {
    session.abandon(3);
    (void)session.receive(bytes.substr(half));
    (void)session.take_output(out);
  }
  return 0;
}

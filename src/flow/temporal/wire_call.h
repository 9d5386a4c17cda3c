// One call on its way through wire.h. Guarded by the wire's mutex, except `done`.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "flow/temporal/grpc_wire.h"
#include "flow/temporal/wire.h"

namespace holdfast::flow::temporal {

class WireCall final : public PendingCall,
                       public net::Http2Session::Receiver,
                       public std::enable_shared_from_this<WireCall> {
 public:
  WireCall(std::shared_ptr<Wire> owner, std::string the_path, std::string_view request,
           CallDone when_done)
      : wire(std::move(owner)),
        path(std::move(the_path)),
        frame(grpc_frame(request)),
        done(std::move(when_done)) {}

  void cancel() override { wire->cancel(shared_from_this()); }

  void on_header(std::string_view name, std::string_view value) override {
    answer.header(name, value);
  }
  bool on_data(std::string_view bytes) override { return answer.data(bytes); }
  void on_close(std::uint32_t error) override { wire->stream_closed(shared_from_this(), error); }

  const std::shared_ptr<Wire> wire;
  const std::string path;  // "/package.Service/Method"
  std::string frame;       // kept until the call has ended: it may be sent again
  MonoTime deadline{};
  std::shared_ptr<Link> link;  // that carries it
  std::int32_t stream = 0;
  GrpcAnswer answer;
  bool moved = false;  // once refused and begun again
  bool ended = false;
  Result<std::string> outcome;
  CallDone done;
};

}  // namespace holdfast::flow::temporal

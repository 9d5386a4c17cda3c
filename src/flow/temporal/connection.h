// The calls to a Temporal cluster by gRPC: serialised messages out, serialised messages back.
//
// gRPC is a small protocol over HTTP/2, spoken here on a library for HTTP/2 itself (wire.h): a
// worker makes some twenty calls a run, and most of its CPU time was the general library's. Every
// call has a deadline; connections are made, watched and replaced on their own. Certificates and
// keys are read again for each connection, so that renewed ones need no restart. Methods may be
// called from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/env/clock.h"
#include "flow/temporal/options.h"
#include "flow/temporal/pending_call.h"

namespace holdfast::flow::temporal {

class Connection {
 public:
  using Done = CallDone;

  // kInvalidArgument or kNotFound: the address, or a file of the TLS options, cannot be read. Does
  // not connect yet.
  static Result<std::unique_ptr<Connection>> open(env::Clock& clock, const Options& options);
  virtual ~Connection() = default;

  // `method` is a name of the workflow service, or "package.Service/Method". `done` is called once,
  // on the connection's thread, or on the caller's when the connection is closed. It should be
  // short: one that takes long delays the others by up to two tenths of a second, and what it
  // begins goes out when it returns.
  virtual std::shared_ptr<PendingCall> begin(std::string_view method, std::string_view request,
                                             Nanoseconds deadline, Done done) = 0;
  // Ends what is under way, and everything that begins later, with kCancelled; waits for it.
  virtual void shut_down() = 0;
};

}  // namespace holdfast::flow::temporal

// Starts proofs without being asked: a resource whose newest proof at its policy's level is older
// than the policy's interval, or that has points and no proof.
#pragma once

#include "core/async/co.h"
#include "domain/protect/server_context.h"
#include "flow/client.h"

namespace holdfast::recover {

class ProofScheduler {
 public:
  // Everything given outlives it.
  ProofScheduler(const protect::ServerContext& context, flow::Client& client)
      : context_(context), client_(client) {}

  // One pass at the clock's now; how many proofs were started. Call it as the holder of the
  // scheduler's lease. A proof that failed is tried again after a tenth of the interval.
  async::Co<Result<int>> pass();

 private:
  const protect::ServerContext& context_;
  flow::Client& client_;
};

}  // namespace holdfast::recover

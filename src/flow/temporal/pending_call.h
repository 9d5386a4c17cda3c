// A call to Temporal under way.
#pragma once

#include <functional>
#include <string>

#include "core/base/result.h"

namespace holdfast::flow::temporal {

// Takes the answer's bytes, or why there are none. Called once.
using CallDone = std::move_only_function<void(Result<std::string>)>;

class PendingCall {
 public:
  virtual ~PendingCall() = default;
  // Ends it soon with kCancelled; from any thread.
  virtual void cancel() = 0;
};

}  // namespace holdfast::flow::temporal

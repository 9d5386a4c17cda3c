// Circuit breaker: after failures in a row nobody waits for a system that does not answer.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::storage::ontap {

enum class BreakerState { kClosed, kOpen, kHalfOpen };
std::string_view breaker_state_name(BreakerState state);

// Methods may be called from any thread.
class Breaker {
 public:
  explicit Breaker(std::string peer) : peer_(std::move(peer)) {}

  // Whether a request may be sent now. Open: kUnavailable, transient, with the reason. Half-open:
  // one request probes, the others are refused until it has ended. Every admitted request ends in
  // succeeded(), failed() or abandoned().
  Status admit(MonoTime now);
  void succeeded();
  void failed(MonoTime now, std::string why);
  // The request ended without saying anything about the system (it was cancelled).
  void abandoned();
  BreakerState state() const;

 private:
  enum class Event { kSuccess, kFailure, kTooManyFailures, kPauseOver };
  void step(Event event);

  const std::string peer_;
  mutable std::mutex mutex_;
  BreakerState state_ = BreakerState::kClosed;
  int failures_ = 0;  // in a row
  Nanoseconds pause_{0};
  std::optional<MonoTime> open_until_;
  bool probing_ = false;
  std::string why_;
};

}  // namespace holdfast::storage::ontap

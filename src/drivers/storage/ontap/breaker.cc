#include "drivers/storage/ontap/breaker.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/check.h"

namespace holdfast::storage::ontap {
namespace {

constexpr int kMostFailures = 5;
constexpr Nanoseconds kFirstPause = std::chrono::seconds(10);
constexpr Nanoseconds kLongestPause = std::chrono::minutes(2);

}  // namespace

std::string_view breaker_state_name(BreakerState state) {
  constexpr std::array<std::string_view, 3> kNames{"closed", "open", "half_open"};
  return kNames.at(static_cast<size_t>(state));
}

// The whole machine; requests that were admitted earlier may still end while it is open.
void Breaker::step(Event event) {
  struct Row {
    BreakerState from;
    Event event;
    BreakerState to;
  };
  using enum BreakerState;
  static constexpr std::array kTable{
      Row{kClosed, Event::kSuccess, kClosed},       Row{kClosed, Event::kFailure, kClosed},
      Row{kClosed, Event::kTooManyFailures, kOpen}, Row{kOpen, Event::kSuccess, kOpen},
      Row{kOpen, Event::kFailure, kOpen},           Row{kOpen, Event::kTooManyFailures, kOpen},
      Row{kOpen, Event::kPauseOver, kHalfOpen},     Row{kHalfOpen, Event::kSuccess, kClosed},
      Row{kHalfOpen, Event::kFailure, kOpen},       Row{kHalfOpen, Event::kTooManyFailures, kOpen},
  };
  const auto row = std::find_if(kTable.begin(), kTable.end(), [&](const Row& candidate) {
    return candidate.from == state_ && candidate.event == event;
  });
  HF_CHECK(row != kTable.end(), "every event of the breaker has a row");
  state_ = row->to;
}

Status Breaker::admit(MonoTime now) {
  const std::lock_guard lock(mutex_);
  if (state_ == BreakerState::kOpen && now >= *open_until_) {
    step(Event::kPauseOver);
  }
  const bool free = state_ == BreakerState::kClosed ||
                    (state_ == BreakerState::kHalfOpen && !std::exchange(probing_, true));
  if (free) {
    return {};
  }
  return Error(Code::kUnavailable,
               fmt::format("{} has failed {} times in a row and is left alone for {}: {}", peer_,
                           failures_, format_duration(pause_), why_),
               Retry::kTransient);
}

void Breaker::succeeded() {
  const std::lock_guard lock(mutex_);
  step(Event::kSuccess);
  if (state_ == BreakerState::kClosed) {
    failures_ = 0;
    pause_ = Nanoseconds(0);
    probing_ = false;
  }
}

void Breaker::failed(MonoTime now, std::string why) {
  const std::lock_guard lock(mutex_);
  const BreakerState before = state_;
  ++failures_;
  why_ = std::move(why);
  step(failures_ >= kMostFailures ? Event::kTooManyFailures : Event::kFailure);
  if (state_ == BreakerState::kOpen && before != BreakerState::kOpen) {
    pause_ = std::clamp(pause_ * 2, kFirstPause, kLongestPause);
    open_until_ = now + pause_;
    probing_ = false;
  }
}

void Breaker::abandoned() {
  const std::lock_guard lock(mutex_);
  probing_ = false;
}

BreakerState Breaker::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

}  // namespace holdfast::storage::ontap

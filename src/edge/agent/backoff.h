// Pauses between tries that grow, with jitter, so that a thousand agents do not come back at once.
#pragma once

#include <algorithm>

#include "core/base/time.h"
#include "core/env/random.h"

namespace holdfast::agent {

// 0.5 s, 1 s, 2 s ... up to 30 s, each drawn from its upper half.
class Backoff {
 public:
  explicit Backoff(env::Random& random) : random_(random) {}

  Nanoseconds next() {
    const Nanoseconds longest = next_;
    next_ = std::min<Nanoseconds>(next_ * 2, std::chrono::seconds(30));
    const auto half = static_cast<std::uint64_t>(longest.count() / 2);
    return Nanoseconds(static_cast<std::int64_t>(half + random_.below(half + 1)));
  }
  void reset() { next_ = kFirst; }

 private:
  static constexpr Nanoseconds kFirst = std::chrono::milliseconds(500);
  env::Random& random_;
  Nanoseconds next_ = kFirst;
};

}  // namespace holdfast::agent

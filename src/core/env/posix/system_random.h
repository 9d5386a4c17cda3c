// The kernel's random generator (getrandom).
#pragma once

#include "core/env/random.h"

namespace holdfast::env {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> bytes) override;
};

}  // namespace holdfast::env

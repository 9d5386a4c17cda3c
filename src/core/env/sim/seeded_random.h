// A reproducible generator for tests and simulations: never for secrets.
#pragma once

#include <mutex>
#include <random>

#include "core/env/random.h"

namespace holdfast::env {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : generator_(seed) {}

  void fill(std::span<std::uint8_t> bytes) override {
    const std::lock_guard lock(mutex_);
    for (std::uint8_t& byte : bytes) {
      byte = static_cast<std::uint8_t>(generator_());
    }
  }

 private:
  std::mutex mutex_;
  std::mt19937_64 generator_;
};

}  // namespace holdfast::env

// Randomness from outside.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "core/base/ids.h"

namespace holdfast::env {

// Methods may be called from any thread.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(std::span<std::uint8_t> bytes) = 0;

  std::array<std::uint8_t, 16> bytes16() {
    std::array<std::uint8_t, 16> bytes{};
    fill(bytes);
    return bytes;
  }
  // Uniform in [0, limit); limit > 0.
  std::uint64_t below(std::uint64_t limit) {
    std::uint64_t value = 0;
    fill({reinterpret_cast<std::uint8_t*>(&value), sizeof(value)});
    return value % limit;
  }
  // prefix + UUIDv7, e.g. new_id("run_", clock.now()).
  std::string new_id(const std::string& prefix, UtcTime now) {
    return prefix + uuid_v7(now, bytes16());
  }
};

}  // namespace holdfast::env

#include "core/env/posix/system_random.h"

#include <sys/random.h>

#include <cerrno>

#include "core/base/check.h"

namespace holdfast::env {

void SystemRandom::fill(std::span<std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = getrandom(bytes.data(), bytes.size(), 0);
    HF_CHECK(count > 0 || errno == EINTR, "the kernel gives random bytes");
    bytes = bytes.subspan(count > 0 ? static_cast<size_t>(count) : 0);
  }
}

}  // namespace holdfast::env

#include "core/base/ids.h"

#include "core/base/bytes.h"

namespace holdfast {
namespace {

std::string with_version(std::array<std::uint8_t, 16> bytes, std::uint8_t version) {
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | version << 4);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex(bytes);
  for (const size_t position : {20, 16, 12, 8}) {
    text.insert(position, 1, '-');
  }
  return text;
}

}  // namespace

std::string uuid_v7(UtcTime time, const std::array<std::uint8_t, 16>& random) {
  std::array<std::uint8_t, 16> bytes = random;
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch());
  auto milliseconds = static_cast<std::uint64_t>(since_epoch.count());
  for (size_t i = 6; i-- > 0;) {
    bytes[i] = static_cast<std::uint8_t>(milliseconds);
    milliseconds >>= 8;
  }
  return with_version(bytes, 7);
}

std::string uuid_v4(const std::array<std::uint8_t, 16>& random) { return with_version(random, 4); }

}  // namespace holdfast

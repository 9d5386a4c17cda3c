#include "simulators/ontap/model/load.h"

#include <cmath>
#include <numbers>

namespace holdfast::ontap_sim {
namespace {

// FNV-1a, so that the curve of an object is the same on every machine.
std::uint64_t mix(std::string_view text, std::uint64_t number) {
  std::uint64_t hash = 1469598103934665603ULL ^ number;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

double unit(std::uint64_t hash) { return static_cast<double>(hash >> 11) / 9007199254740992.0; }

}  // namespace

Load load_at(std::string_view object, UtcTime when) {
  constexpr double kDay = 86400;
  constexpr double kBlock = 16384;  // bytes of one operation
  const auto second = std::chrono::floor<std::chrono::seconds>(when).time_since_epoch().count();
  const double day = std::fmod(static_cast<double>(second), kDay) / kDay;
  const double wave = 0.6 - 0.4 * std::cos(2 * std::numbers::pi * day);
  const double noise = 0.9 + 0.2 * unit(mix(object, static_cast<std::uint64_t>(second / 15)));
  const double scale = (50 + 450 * unit(mix(object, 0))) * wave * noise;
  Load load;
  load.read_iops = std::round(scale * 0.6);
  load.write_iops = std::round(scale * 0.3);
  load.other_iops = std::round(scale * 0.1);
  load.latency = std::round(300 + 400 * wave * noise);
  load.throughput_read = load.read_iops * kBlock;
  load.throughput_write = load.write_iops * kBlock;
  return load;
}

}  // namespace holdfast::ontap_sim

#include "edge/cli/progress.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/time.h"
#include "core/base/units.h"

namespace holdfast::cli {
namespace {

// A rate from less than this is noise.
constexpr Nanoseconds kSettled = std::chrono::seconds(2);

std::uint64_t count_at(const Json& object, std::string_view key) {
  const Json* value = find(object, key);
  const bool number = value != nullptr && (value->is_int64() || value->is_uint64());
  return number ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, get_int(object, key))) : 0;
}

}  // namespace

std::string ProgressMeter::bytes_part(std::uint64_t done, std::uint64_t total, MonoTime now) const {
  std::string text = ", " + format_bytes(done);
  if (total > 0) {
    text += " of " + format_bytes(std::max(done, total));
  }
  const Nanoseconds seen = now - first_seen_;
  if (seen < kSettled || done <= first_bytes_) {
    return text;
  }
  const double rate =
      static_cast<double>(done - first_bytes_) / std::chrono::duration<double>(seen).count();
  text += fmt::format(", {}/s", format_bytes(static_cast<std::uint64_t>(rate)));
  if (total > done && rate >= 1) {
    const auto left = static_cast<std::int64_t>(static_cast<double>(total - done) / rate);
    text += fmt::format(", {} left", format_duration(std::chrono::seconds(left)));
  }
  return text;
}

std::string ProgressMeter::line(const Json& run, MonoTime now) {
  const Json* progress = find(run, "progress");
  std::string line = fmt::format("{} {}", get_string(run, "workflow"), get_string(run, "status"));
  if (progress == nullptr) {
    return line;
  }
  const std::string activity = get_string(*progress, "activity");
  const std::uint64_t done = count_at(*progress, "bytes_done");
  if (activity != activity_ || done < first_bytes_) {
    activity_ = activity;
    first_bytes_ = done;
    first_seen_ = now;
  }
  const Json* proposal = find(run, "proposal");
  std::uint64_t total = count_at(*progress, "bytes_total");
  if (activity == "engine.backup") {
    total = backup_bytes_;
  } else if (activity == "engine.restore" && proposal != nullptr) {
    total = count_at(*proposal, "bytes");
  }
  if (const std::string step = get_string(*progress, "step"); !step.empty()) {
    line += ": " + step;
  }
  if (done > 0 && total > 0) {
    line += fmt::format(
        ", {}%",
        std::min<std::uint64_t>(99, static_cast<std::uint64_t>(static_cast<double>(done) /
                                                               static_cast<double>(total) * 100)));
  }
  if (const std::uint64_t files = count_at(*progress, "files_done"); files > 0) {
    line += fmt::format(", {} files", files);
  }
  if (done > 0) {
    line += bytes_part(done, total, now);
  }
  if (const std::string message = get_string(*progress, "message"); !message.empty()) {
    line += " (" + message + ")";
  }
  return line;
}

}  // namespace holdfast::cli

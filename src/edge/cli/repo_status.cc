#include "edge/cli/repo_status.h"

#include <algorithm>
#include <chrono>

namespace holdfast::cli {
namespace {

constexpr Nanoseconds kEvery = std::chrono::seconds(1);

}  // namespace

struct StatusLines::Wake {
  std::mutex mutex;
  std::condition_variable changed;
  bool due = false;
  bool stopped = false;

  void set(bool Wake::* which) {
    const std::lock_guard lock(mutex);
    this->*which = true;
    changed.notify_all();
  }
};

Json status_json(Nanoseconds elapsed, const backup::Progress& progress,
                 const backup::ScanTotals& totals) {
  const std::uint64_t done = progress.bytes_done;
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(elapsed).count();
  JsonObject json{{"message_type", "status"}, {"seconds_elapsed", seconds}, {"percent_done", 0.0}};
  if (totals.complete) {
    const std::uint64_t total = totals.bytes;
    const double share =
        total == 0 ? 0.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    json["percent_done"] = share;
    json["total_files"] = totals.files.load();
    json["total_bytes"] = total;
    if (share > 0.0) {
      json["seconds_remaining"] =
          static_cast<std::int64_t>(static_cast<double>(seconds) * (1.0 - share) / share);
    }
  }
  json["files_done"] = progress.files_done.load();
  json["bytes_done"] = done;
  json["error_count"] = progress.errors.load();
  return json;
}

StatusLines::StatusLines(env::Clock& clock, const backup::BackupOptions& options, Print print)
    : clock_(clock),
      options_(options),
      print_(std::move(print)),
      start_(clock.mono()),
      wake_(std::make_shared<Wake>()),
      scanner_([this](const std::stop_token& stop) { backup::scan(options_, stop, totals_); }),
      printer_([this](const std::stop_token& stop) { run(stop); }) {}

StatusLines::~StatusLines() {
  scanner_.request_stop();
  printer_.request_stop();
  wake_->set(&Wake::stopped);
  scanner_.join();
  printer_.join();
}

void StatusLines::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    print_(status_json(clock_.mono() - start_, *options_.progress, totals_));
    const auto timer =
        clock_.call_at(clock_.mono() + kEvery, [wake = wake_] { wake->set(&Wake::due); });
    std::unique_lock lock(wake_->mutex);
    wake_->changed.wait(lock, [this] { return wake_->due || wake_->stopped; });
    wake_->due = false;
    if (wake_->stopped) {
      clock_.cancel(timer);
    }
  }
}

}  // namespace holdfast::cli

// The status lines of `holdfast repo backup --json`, shaped as restic's.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "core/base/json.h"
#include "core/env/clock.h"
#include "engine/backup/backup.h"
#include "engine/backup/scan.h"

namespace holdfast::cli {

// {"message_type":"status", ...}. Totals and percent_done (0 to 1) are there once the scan is
// complete; files_done and bytes_done always.
Json status_json(Nanoseconds elapsed, const backup::Progress& progress,
                 const backup::ScanTotals& totals);

// Scans beside the backup, and prints a line at once and then every second, while it lives.
class StatusLines {
 public:
  using Print = std::function<void(const Json&)>;
  // The arguments outlive it; `options.progress` is set. `print` is called on its own thread.
  StatusLines(env::Clock& clock, const backup::BackupOptions& options, Print print);
  // Afterwards `print` is called no more.
  ~StatusLines();
  StatusLines(const StatusLines&) = delete;
  StatusLines& operator=(const StatusLines&) = delete;

 private:
  struct Wake;
  void run(const std::stop_token& stop);

  env::Clock& clock_;
  const backup::BackupOptions& options_;
  const Print print_;
  const MonoTime start_;
  const std::shared_ptr<Wake> wake_;  // shared with a callback of the clock that may come late
  backup::ScanTotals totals_;
  std::jthread scanner_;
  std::jthread printer_;
};

}  // namespace holdfast::cli

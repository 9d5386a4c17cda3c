// How much a backup will look at: the total that its progress is measured by.
#pragma once

#include <atomic>
#include <cstdint>
#include <stop_token>

#include "engine/backup/backup.h"

namespace holdfast::backup {

// Counters that another thread may read while the scan goes on.
struct ScanTotals {
  std::atomic<std::uint64_t> files{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<bool> complete{false};
};

// Walks the targets as backup() does, with the same excludes, and adds up files and their sizes;
// reads no content. What cannot be looked at is left out: telling it is the backup's part. Ends
// early, and incomplete, when stopped.
void scan(const BackupOptions& options, const std::stop_token& stop, ScanTotals& totals);

}  // namespace holdfast::backup

#include "engine/backup/scan.h"

#include <sys/stat.h>

#include <utility>
#include <vector>

#include "engine/backup/exclude.h"
#include "engine/backup/local_tree.h"

namespace holdfast::backup {
namespace {

struct Entry {
  std::string live_path;
  std::string read_path;
  dev_t device = 0;  // of the target
  bool is_target = false;
};

// Counts the entry if it is a file; adds what lies in it if it is a folder.
void look_at(const Entry& entry, const BackupOptions& options, ScanTotals& totals,
             std::vector<Entry>& open) {
  const auto info = stat_entry(entry.read_path);
  if (!info) {
    return;
  }
  const dev_t device = entry.is_target ? info->st_dev : entry.device;
  if (options.one_file_system && info->st_dev != device) {
    return;
  }
  if (S_ISREG(info->st_mode)) {
    ++totals.files;
    totals.bytes += static_cast<std::uint64_t>(info->st_size);
  }
  if (!S_ISDIR(info->st_mode)) {
    return;
  }
  const auto names = list_names(entry.read_path);
  for (const std::string& name : names ? *names : std::vector<std::string>()) {
    open.push_back(
        {join_path(entry.live_path, name), join_path(entry.read_path, name), device, false});
  }
}

}  // namespace

void scan(const BackupOptions& options, const std::stop_token& stop, ScanTotals& totals) {
  const Excludes excludes(options.excludes);
  std::vector<Entry> open;
  for (const Target& target : options.targets) {
    open.push_back({target.live_path,
                    target.read_path.empty() ? target.live_path : target.read_path, 0, true});
  }
  while (!open.empty()) {
    if (stop.stop_requested()) {
      return;
    }
    const Entry entry = std::move(open.back());
    open.pop_back();
    if (entry.is_target || !excludes.matches(entry.live_path)) {
      look_at(entry, options, totals, open);
    }
  }
  totals.complete = true;
}

}  // namespace holdfast::backup

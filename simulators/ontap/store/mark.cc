#include "simulators/ontap/store/mark.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {

TreeMark mark_tree(const std::string& top) {
  namespace fs = std::filesystem;
  TreeMark mark;
  const auto add = [&mark](const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) {
      return;
    }
    constexpr std::int64_t kSecond = 1'000'000'000;
    mark.newest = std::max(mark.newest, status.st_ctim.tv_sec * kSecond + status.st_ctim.tv_nsec);
    mark.bytes += S_ISREG(status.st_mode) ? status.st_size : 0;
    ++mark.entries;
  };
  std::error_code failure;
  for (fs::recursive_directory_iterator at(top, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (at.depth() == 0 && at->path().filename() == kSnapshotFolder) {
      at.disable_recursion_pending();
      continue;
    }
    add(at->path().string());
  }
  return mark;
}

}  // namespace holdfast::ontap_sim

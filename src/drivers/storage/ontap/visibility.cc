#include "drivers/storage/ontap/visibility.h"

#include <dirent.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include "core/async/run.h"

namespace holdfast::storage::ontap {
namespace {

constexpr int kTries = 10;
constexpr Nanoseconds kPause = std::chrono::milliseconds(500);

void look_into(const std::string& directory) {
  if (DIR* open = ::opendir(directory.c_str())) {
    while (::readdir(open) != nullptr) {
    }
    ::closedir(open);
  }
}

}  // namespace

bool path_exists(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0;
}

async::Co<bool> becomes_visible(env::Clock* clock, async::Pool* pool, std::string path,
                                std::string above) {
  for (int i = 0; i < kTries; ++i) {
    const bool seen = co_await async::run_on(*pool, [path, above] {
      look_into(above);
      return path_exists(path);
    });
    if (seen) {
      co_return true;
    }
    const bool awake = co_await async::sleep_for(*clock, kPause);
    if (!awake) {
      co_return false;
    }
  }
  co_return false;
}

Result<Junction> junction_for(const Systems& systems, const Cluster& cluster,
                              const VolumeInfo& parent, const std::string& name) {
  Junction junction{"/" + name, ""};
  junction.local = systems.local_path(cluster, parent.svm, junction.path);
  if (junction.local.empty() && !parent.junction.empty()) {
    junction.path = (parent.junction == "/" ? "" : parent.junction) + "/" + name;
    junction.local = systems.local_path(cluster, parent.svm, junction.path);
  }
  if (junction.local.empty()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("a new volume of SVM {} could not be seen here: mount the SVM's root, "
                             "and name it in the system's mounts",
                             parent.svm));
  }
  return junction;
}

Error invisible(const Junction& junction, const std::string& svm) {
  return Error(Code::kFailedPrecondition,
               fmt::format("the new volume at junction {} cannot be seen at {}: mount the root of "
                           "SVM {}, and name it in the system's mounts",
                           junction.path, junction.local, svm));
}

}  // namespace holdfast::storage::ontap

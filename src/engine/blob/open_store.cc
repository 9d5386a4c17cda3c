#include "engine/blob/open_store.h"

#include <fmt/core.h>

#include "engine/blob/local/local_store.h"

namespace holdfast::blob {

Result<std::shared_ptr<BlobStore>> open_store(const std::string& location, env::FileSystem& files,
                                              env::Random& random) {
  std::string path = location;
  if (path.starts_with("local:")) {
    path.erase(0, 6);
  } else if (const auto colon = path.find(':');
             colon != std::string::npos && path.find('/') > colon) {
    return Error(Code::kInvalidArgument,
                 fmt::format("repositories at '{}:' are not supported; give a directory",
                             path.substr(0, colon)));
  }
  while (path.size() > 1 && path.back() == '/') {
    path.pop_back();
  }
  if (path.empty()) {
    return Error(Code::kInvalidArgument, "the repository's location is empty; give a directory");
  }
  return std::make_shared<LocalStore>(files, random, path);
}

}  // namespace holdfast::blob

// Comparing a file of this machine with what a snapshot says it holds, or with another file.
#pragma once

#include <string>

#include "engine/repo/repository.h"

namespace holdfast::backup {

// Whether the file open as `fd` has exactly the bytes of `node`, a file of the repository: reads
// the file once, nothing of the repository but its index. `path` names the file in errors.
// kDataLoss when the repository does not know a chunk of it.
Result<bool> has_bytes_of(const repo::Repository& repository, const repo::Node& node, int fd,
                          const std::string& path);

// Whether the files open as `a` and `b` have the same bytes: reads both. The paths name them in
// errors.
Result<bool> have_same_bytes(int a, const std::string& path_a, int b, const std::string& path_b);

}  // namespace holdfast::backup

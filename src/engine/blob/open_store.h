// From a repository's location, as people write it, to its store.
#pragma once

#include <memory>
#include <string>

#include "core/env/file_system.h"
#include "core/env/random.h"
#include "engine/blob/blob_store.h"

namespace holdfast::blob {

// "/path", "relative/path" or "local:/path". Any other scheme is kInvalidArgument. Nothing is
// opened yet: an absent directory shows at the first call. `files` and `random` outlive the store.
Result<std::shared_ptr<BlobStore>> open_store(const std::string& location, env::FileSystem& files,
                                              env::Random& random);

}  // namespace holdfast::blob

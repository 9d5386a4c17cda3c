// Small files that are either there whole or not at all.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast::env {

// Writes beside the target, syncs, renames over it and syncs the directory: after success the file
// survives power loss, after an error the old content is still there.
Status write_file_atomically(const std::string& path, std::string_view content, unsigned mode);

// The whole file; kResourceExhausted when it is longer than `max_bytes`.
Result<std::string> read_small_file(const std::string& path, std::size_t max_bytes = 1u << 20);

// Makes the directory and its parents; one that exists keeps its mode.
Status make_directories(const std::string& path, unsigned mode);

}  // namespace holdfast::env

// Making single entries in the target of a restore.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "engine/repo/repository.h"

namespace holdfast::backup {

// Writes bytes of a file that is being made; it is created when absent. `sparse`: aligned blocks of
// zeros are not written.
Status write_piece(const std::string& path, std::uint64_t offset, ByteSpan data, bool sparse);
// Creates the file if it is absent and gives it its final length.
Status set_length(const std::string& path, std::uint64_t size);

// A symbolic link, fifo or device; nothing may be at `path`.
Status make_special(const std::string& path, const repo::Node& node);
// Removes whatever is there, folders with all they hold; symbolic links are not followed.
Status remove_tree(const std::string& path);

// Owner (when `owners`), extended attributes, mode and mtime, in an order in which none undoes
// another. What the file system or the rights of this process do not allow is in the error; the
// rest is done nevertheless.
Status apply_metadata(const std::string& path, const repo::Node& node, bool owners);

// kDataLoss unless the file has exactly the bytes of the node's chunks.
Status verify_bytes(const repo::Repository& repository, const repo::Node& node,
                    const std::string& path);

}  // namespace holdfast::backup

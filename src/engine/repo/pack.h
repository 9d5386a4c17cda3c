// The end of a pack file: which chunks lie in it.
//
//   box(chunk 1) ... box(chunk N) box(header) u32le(length of box(header))
//
// A header entry is type(1) box length(4 LE) [plain length(4 LE)] id(32); types 0 data, 1 tree,
// 2 compressed data, 3 compressed tree. Offsets are implied: the boxes lie back to back from 0.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "engine/repo/index.h"

namespace holdfast::repo {

class Repository;

// The plaintext of the header; the entries lie back to back.
Buffer encode_pack_header(const std::vector<PackEntry>& entries);
// With the offsets filled in; kDataLoss when it is damaged or of an unknown type.
Result<std::vector<PackEntry>> decode_pack_header(ByteSpan header);
std::size_t header_entry_size(const PackEntry& entry);
// How long the file of these entries is.
std::uint64_t pack_file_size(const std::vector<PackEntry>& entries);

// Finds the header's box at the end of a file's bytes (or of its last part); kDataLoss when the
// length makes no sense for a file of `file_size` bytes.
Result<std::uint32_t> header_box_length(ByteSpan tail, std::uint64_t file_size);
// Reads the header of a stored pack.
Result<std::vector<PackEntry>> read_pack_header(Repository& repository, const PackId& pack,
                                                std::uint64_t file_size);

}  // namespace holdfast::repo

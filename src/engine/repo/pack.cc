#include "engine/repo/pack.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/crypto/sealed_box.h"
#include "engine/repo/repository.h"

namespace holdfast::repo {
namespace {

constexpr std::size_t kPlainEntry = 37;
constexpr std::size_t kCompressedEntry = 41;
constexpr std::size_t kLengthField = 4;
constexpr std::uint32_t kMaxHeaderBox = 16u << 20;
// Enough for 15 entries: most headers come with the first read.
constexpr std::uint64_t kFirstRead = 15 * kCompressedEntry + crypto::kBoxOverhead + kLengthField;

void append_u32(Buffer& out, std::uint32_t value) {
  for (int shift = 0; shift < 32; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

std::uint32_t read_u32(ByteSpan bytes) {
  return static_cast<std::uint32_t>(bytes[0]) | static_cast<std::uint32_t>(bytes[1]) << 8 |
         static_cast<std::uint32_t>(bytes[2]) << 16 | static_cast<std::uint32_t>(bytes[3]) << 24;
}

Error damaged(std::string_view why) {
  return Error(Code::kDataLoss, fmt::format("the header of a pack file is damaged: {}", why));
}

}  // namespace

std::size_t header_entry_size(const PackEntry& entry) {
  return entry.plain_length != 0 ? kCompressedEntry : kPlainEntry;
}

std::uint64_t pack_file_size(const std::vector<PackEntry>& entries) {
  std::uint64_t size = crypto::kBoxOverhead + kLengthField;
  for (const PackEntry& entry : entries) {
    size += entry.length + header_entry_size(entry);
  }
  return size;
}

Buffer encode_pack_header(const std::vector<PackEntry>& entries) {
  Buffer header;
  header.reserve(entries.size() * kCompressedEntry);
  for (const PackEntry& entry : entries) {
    const bool compressed = entry.plain_length != 0;
    header.push_back((entry.kind == ChunkKind::kTree ? 1 : 0) | (compressed ? 2 : 0));
    append_u32(header, entry.length);
    if (compressed) {
      append_u32(header, entry.plain_length);
    }
    header.insert(header.end(), entry.id.digest.begin(), entry.id.digest.end());
  }
  return header;
}

Result<std::vector<PackEntry>> decode_pack_header(ByteSpan header) {
  std::vector<PackEntry> entries;
  std::uint64_t offset = 0;
  while (!header.empty()) {
    const std::uint8_t type = header[0];
    const std::size_t size = type >= 2 ? kCompressedEntry : kPlainEntry;
    if (type > 3 || header.size() < size) {
      return damaged(type > 3 ? "unknown kind of chunk" : "it ends within an entry");
    }
    PackEntry entry;
    entry.kind = (type & 1) != 0 ? ChunkKind::kTree : ChunkKind::kData;
    entry.length = read_u32(header.subspan(1));
    entry.plain_length = type >= 2 ? read_u32(header.subspan(5)) : 0;
    const ByteSpan id = header.subspan(size - 32, 32);
    std::copy(id.begin(), id.end(), entry.id.digest.begin());
    const bool empty_frame = type >= 2 && entry.plain_length == 0;  // 0 means "not compressed"
    if (entry.length < crypto::kBoxOverhead || offset + entry.length > UINT32_MAX || empty_frame) {
      return damaged("a length is impossible");
    }
    entry.offset = static_cast<std::uint32_t>(offset);
    offset += entry.length;
    entries.push_back(entry);
    header = header.subspan(size);
  }
  return entries;
}

Result<std::uint32_t> header_box_length(ByteSpan tail, std::uint64_t file_size) {
  if (tail.size() < kLengthField) {
    return damaged("the file is too short");
  }
  const std::uint32_t length = read_u32(tail.last(kLengthField));
  if (length < crypto::kBoxOverhead || length > kMaxHeaderBox ||
      length + kLengthField > file_size) {
    return damaged("its length is impossible");
  }
  return length;
}

Result<std::vector<PackEntry>> read_pack_header(Repository& repository, const PackId& pack,
                                                std::uint64_t file_size) {
  const blob::ObjectKey key{blob::ObjectType::kPack, pack.hex()};
  const std::uint64_t first = std::min(file_size, kFirstRead);
  HF_TRY(Buffer tail, repository.get(key, blob::ByteRange{file_size - first, first}));
  HF_TRY(const std::uint32_t length, header_box_length(tail, file_size));
  if (length + kLengthField > tail.size()) {
    const std::uint64_t whole = length + kLengthField;
    HF_TRY(tail, repository.get(key, blob::ByteRange{file_size - whole, whole}));
  }
  const ByteSpan box = ByteSpan(tail).last(length + kLengthField).first(length);
  HF_TRY(const Buffer header, crypto::open(repository.key(), box));
  return decode_pack_header(header);
}

}  // namespace holdfast::repo

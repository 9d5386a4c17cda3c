#include "engine/backup/same_bytes.h"

#include <algorithm>

#include "core/crypto/digest.h"
#include "engine/backup/local_tree.h"

namespace holdfast::backup {

Result<bool> has_bytes_of(const repo::Repository& repository, const repo::Node& node, int fd,
                          const std::string& path) {
  std::uint64_t offset = 0;
  Buffer bytes;
  for (const repo::ChunkId& id : *node.content) {
    const auto location = repository.find_chunk(repo::ChunkKind::kData, id);
    if (!location) {
      return Error(Code::kDataLoss, "a chunk is in no pack of the repository")
          .with("chunk", id.hex());
    }
    bytes.resize(location->size());
    HF_TRY(const std::size_t count, read_at(fd, offset, bytes, path));
    if (count != bytes.size() || crypto::digest_of(bytes) != id.digest) {
      return false;
    }
    offset += count;
  }
  return offset == node.size;
}

Result<bool> have_same_bytes(int a, const std::string& path_a, int b, const std::string& path_b) {
  constexpr std::size_t kBlock = 1u << 20;
  Buffer here(kBlock);
  Buffer there(kBlock);
  for (std::uint64_t offset = 0;;) {
    HF_TRY(const std::size_t count, read_at(a, offset, here, path_a));
    HF_TRY(const std::size_t other, read_at(b, offset, there, path_b));
    if (count != other ||
        !std::equal(here.begin(), here.begin() + static_cast<long>(count), there.begin())) {
      return false;
    }
    if (count < kBlock) {
      return true;
    }
    offset += count;
  }
}

}  // namespace holdfast::backup

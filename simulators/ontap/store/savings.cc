#include "simulators/ontap/store/savings.h"

#include <sys/stat.h>

#include <array>
#include <cstring>
#include <fstream>
#include <functional>
#include <unordered_set>

#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

namespace fs = std::filesystem;

constexpr size_t kBlock = 4096;
constexpr size_t kBlocksOfAFile = 64;
constexpr size_t kBlocksOfATree = 1024;
constexpr size_t kMostTrees = 4096;  // remembered
constexpr size_t kShortestMatch = 4;

size_t blocks_of_group(Compression compression) {
  return compression == Compression::kSecondary ? 8 : 2;
}

// Bytes of a length beyond what a token holds.
size_t beyond_token(size_t length) { return length < 15 ? 0 : (length - 15) / 255 + 1; }

// The share of a block that each block of this group takes.
double stored_share(std::string_view group) {
  const size_t blocks = (group.size() + kBlock - 1) / kBlock;
  const size_t packed = (packed_size(group) + kBlock - 1) / kBlock;
  return packed * 4 > blocks * 3 ? 1 : static_cast<double>(packed) / static_cast<double>(blocks);
}

}  // namespace

size_t packed_size(std::string_view data) {
  std::array<std::uint32_t, 4096> last{};  // where four bytes were seen, from 1
  size_t size = 0;
  size_t literals = 0;
  size_t at = 0;
  while (at + kShortestMatch <= data.size()) {
    std::uint32_t word = 0;
    std::memcpy(&word, data.data() + at, sizeof word);
    std::uint32_t& slot = last[(word * 2654435761U) >> 20];
    const size_t before = slot;
    slot = static_cast<std::uint32_t>(at + 1);
    if (before == 0 || std::memcmp(data.data() + before - 1, data.data() + at, sizeof word) != 0) {
      ++literals;
      ++at;
      continue;
    }
    size_t length = kShortestMatch;
    while (at + length < data.size() && data[before - 1 + length] == data[at + length]) {
      ++length;
    }
    size += 1 + beyond_token(literals) + literals + 2 + beyond_token(length - kShortestMatch);
    literals = 0;
    at += length;
  }
  literals += data.size() - at;
  return size + 1 + beyond_token(literals) + literals;
}

std::vector<Savings::Block> Savings::read(const fs::path& path, Compression compression) {
  std::string head(kBlocksOfAFile * kBlock, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<size_t>(file.gcount()));
  const std::string_view all = head;
  std::vector<Block> blocks;
  for (size_t at = 0; at < all.size(); at += kBlock) {
    const std::string_view block = all.substr(at, kBlock);
    blocks.push_back({std::hash<std::string_view>()(block),
                      block.find_first_not_of('\0') == std::string_view::npos, 1});
  }
  const size_t group = blocks_of_group(compression);
  for (size_t first = 0; compression != Compression::kNone && first < blocks.size();
       first += group) {
    const double share = stored_share(all.substr(first * kBlock, group * kBlock));
    for (size_t i = first; i < std::min(first + group, blocks.size()); ++i) {
      blocks[i].stored = share;
    }
  }
  return blocks;
}

SavedShares Savings::of(const std::string& top, bool dedupe, Compression compression) {
  if (!dedupe && compression == Compression::kNone) {
    return {};
  }
  if (trees_.size() > kMostTrees) {
    trees_.clear();
  }
  std::map<std::string, Sample> before = std::move(trees_[top]);
  std::map<std::string, Sample>& now = trees_[top];
  now.clear();
  std::unordered_set<size_t> seen;
  size_t blocks = 0;
  SavedShares sum;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(top, failure), end;
       !failure && at != end && blocks < kBlocksOfATree; at.increment(failure)) {
    if (at.depth() == 0 && at->path().filename() == kSnapshotFolder) {
      at.disable_recursion_pending();
    }
    struct stat info{};
    if (::lstat(at->path().c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
      continue;
    }
    Sample sample{
        info.st_size, info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec, compression, {}};
    auto known = before.extract(at->path().string());
    const bool fresh = known.empty() || known.mapped().size != sample.size ||
                       known.mapped().changed != sample.changed ||
                       known.mapped().compression != compression;
    sample.blocks = fresh ? read(at->path(), compression) : std::move(known.mapped().blocks);
    for (const Block& block : sample.blocks) {
      const bool repeated = dedupe && (block.zero || !seen.insert(block.hash).second);
      sum.repeated += repeated ? 1 : 0;
      sum.compressed += repeated ? 0 : 1 - block.stored;
    }
    blocks += sample.blocks.size();
    now.emplace(at->path().string(), std::move(sample));
  }
  if (blocks > 0) {
    sum.repeated /= static_cast<double>(blocks);
    sum.compressed /= static_cast<double>(blocks);
  }
  return sum;
}

}  // namespace holdfast::ontap_sim

#include "simulators/ontap/store/savings.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string_view>
#include <unordered_set>

namespace holdfast::ontap_sim {
namespace {

constexpr size_t kBlock = 4096;
constexpr size_t kBlocksOfAFile = 64;
constexpr size_t kBlocksOfATree = 1024;
constexpr Nanoseconds kFresh = std::chrono::minutes(1);

struct Sample {
  size_t blocks = 0;
  size_t repeated = 0;
  std::unordered_set<size_t> seen;

  void add(std::string_view block) {
    const bool zero = block.find_first_not_of('\0') == std::string_view::npos;
    const bool known = !seen.insert(std::hash<std::string_view>()(block)).second;
    ++blocks;
    repeated += zero || known ? 1 : 0;
  }
};

void add_file(const std::filesystem::path& path, Sample& sample) {
  std::ifstream file(path, std::ios::binary);
  std::array<char, kBlock> block{};
  for (size_t i = 0; i < kBlocksOfAFile && sample.blocks < kBlocksOfATree && file; ++i) {
    file.read(block.data(), block.size());
    if (file.gcount() > 0) {
      sample.add({block.data(), static_cast<size_t>(file.gcount())});
    }
  }
}

}  // namespace

double repeated_share(const std::string& top) {
  namespace fs = std::filesystem;
  Sample sample;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(top, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (at.depth() == 0 && at->path().filename() == kSnapshotFolder) {
      at.disable_recursion_pending();
    } else if (at->is_regular_file(failure)) {
      add_file(at->path(), sample);
    }
    if (sample.blocks >= kBlocksOfATree) {
      break;
    }
  }
  return sample.blocks == 0
             ? 0
             : static_cast<double>(sample.repeated) / static_cast<double>(sample.blocks);
}

double Savings::share_of(const std::string& top, const TreeUsage& usage, MonoTime now) {
  const auto found = seen_.find(top);
  if (found != seen_.end() && found->second.usage.bytes == usage.bytes &&
      found->second.usage.files == usage.files && now < found->second.at + kFresh) {
    return found->second.share;
  }
  const double share = repeated_share(top);
  seen_[top] = {usage, now, share};
  return share;
}

}  // namespace holdfast::ontap_sim

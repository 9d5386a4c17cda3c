// How much less than its bytes an array stores of a tree: blocks that repeat once, and what is left
// of them compressed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::ontap_sim {

// How many bytes an encoding with back references in the manner of LZ4 takes.
std::size_t packed_size(std::string_view data);

// In groups of 8 KiB, or of 32 KiB; a group is stored in whole blocks of 4 KiB, and as it is where
// that saves less than a quarter.
enum class Compression { kNone, kAdaptive, kSecondary };

// Of the bytes of a tree, 0 to 1; their sum is at most 1.
struct SavedShares {
  double repeated = 0;    // blocks of 4 KiB that are zero, or that came before
  double compressed = 0;  // of the others
};

// Reads the first blocks of each file, and a few MiB of a tree at most; files that have not changed
// (size, time) are not read again. Not thread-safe.
class Savings {
 public:
  SavedShares of(const std::string& top, bool dedupe, Compression compression);

 private:
  struct Block {
    std::size_t hash = 0;
    bool zero = false;
    double stored = 1;  // of a block, when its group is compressed
  };
  struct Sample {
    std::int64_t size = 0;
    std::int64_t changed = 0;  // nanoseconds
    Compression compression = Compression::kNone;
    std::vector<Block> blocks;
  };
  static std::vector<Block> read(const std::filesystem::path& path, Compression compression);

  std::map<std::string, std::map<std::string, Sample>> trees_;  // by top and path
};

}  // namespace holdfast::ontap_sim

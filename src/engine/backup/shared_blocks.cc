#include "engine/backup/shared_blocks.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

namespace holdfast::backup {
namespace {

constexpr std::size_t kExtentsAtOnce = 500;
// A place that is not one, or that holds more than this file's bytes.
constexpr std::uint32_t kNoPlace = FIEMAP_EXTENT_UNKNOWN | FIEMAP_EXTENT_DELALLOC |
                                   FIEMAP_EXTENT_NOT_ALIGNED | FIEMAP_EXTENT_DATA_INLINE |
                                   FIEMAP_EXTENT_DATA_TAIL;
// Says nothing about the bytes.
constexpr std::uint32_t kIgnored = FIEMAP_EXTENT_LAST | FIEMAP_EXTENT_SHARED | FIEMAP_EXTENT_MERGED;

// The extents of one file, some at a time.
class Extents {
 public:
  explicit Extents(int fd)
      : fd_(fd), space_((sizeof(fiemap) + kExtentsAtOnce * sizeof(fiemap_extent)) / 8 + 1) {}

  // The next ones, empty at the end; false where the filesystem does not tell.
  bool next(std::span<const fiemap_extent>& out) {
    out = {};
    if (ended_) {
      return true;
    }
    auto* map = reinterpret_cast<fiemap*>(space_.data());
    *map = fiemap{};
    map->fm_start = from_;
    map->fm_length = FIEMAP_MAX_OFFSET - from_;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = kExtentsAtOnce;
    if (::ioctl(fd_, FS_IOC_FIEMAP, map) != 0) {
      return false;
    }
    out = {map->fm_extents, map->fm_mapped_extents};
    ended_ = out.empty() || (out.back().fe_flags & FIEMAP_EXTENT_LAST) != 0;
    from_ = out.empty() ? from_ : out.back().fe_logical + out.back().fe_length;
    return true;
  }

 private:
  int fd_;
  std::uint64_t from_ = 0;
  bool ended_ = false;
  std::vector<std::uint64_t> space_;  // a fiemap and the extents behind it
};

bool same_place(const fiemap_extent& a, const fiemap_extent& b) {
  return (a.fe_flags & kNoPlace) == 0 && a.fe_logical == b.fe_logical &&
         a.fe_physical == b.fe_physical && a.fe_length == b.fe_length &&
         (a.fe_flags & ~kIgnored) == (b.fe_flags & ~kIgnored);
}

}  // namespace

bool share_all_blocks(int a, int b) {
  Extents left(a);
  Extents right(b);
  for (;;) {
    std::span<const fiemap_extent> here;
    std::span<const fiemap_extent> there;
    if (!left.next(here) || !right.next(there) ||
        !std::equal(here.begin(), here.end(), there.begin(), there.end(), same_place)) {
      return false;
    }
    if (here.empty()) {
      return true;
    }
  }
}

}  // namespace holdfast::backup

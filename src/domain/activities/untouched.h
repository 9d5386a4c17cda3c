// Which files need not be read to know that they still are what a storage snapshot of them holds.
//
// Whatever changes a file moves its change time (ctime), and no user can set that. So a file that
// has one inode number, ctime, mtime, size, mode and owner in the snapshot and now is the same file
// and was not changed in between, if its last change is clearly older than the snapshot. What else
// that needs, and which filesystems give it: docs/design/domain.md, "Reading less".
#pragma once

#include <sys/stat.h>

#include <string>

#include "core/base/time.h"

namespace holdfast::activities {

// A change this close before a snapshot may have the ctime of one after it: clocks tick a few
// milliseconds, and a snapshot's time may be rounded to its second.
inline constexpr Nanoseconds kTooFresh = std::chrono::seconds(2);

// What makes an equal ctime mean equal bytes.
enum class Witness {
  kNone,    // nothing: files are read
  kServer,  // NFS: the server sets the ctime with each write that it takes
  kBlocks,  // btrfs: the ctime alone could deceive, so the blocks must be the same ones too
};

// By the filesystems that the two directories are on; kNone where one cannot be looked at.
Witness witness_between(const std::string& snapshot, const std::string& live);

// One recovery's view of a snapshot and of the tree that it goes over. Thread-safe.
class Untouched {
 public:
  Untouched() = default;  // nothing is
  // `snapshot` and `live` are directories; `point_time` is when the snapshot was taken, by the
  // clock that sets ctimes. Where that is not known (the epoch), nothing is untouched.
  Untouched(Witness witness, const std::string& snapshot, const std::string& live,
            UtcTime point_time);

  // Whether the file at `live`, of which lstat said `now`, has the bytes of the one at `kept`,
  // `then`. False means "read them".
  bool holds(const std::string& kept, const struct stat& then, const std::string& live,
             const struct stat& now) const;

 private:
  Witness witness_ = Witness::kNone;
  dev_t kept_device_ = 0;  // what is mounted further down is another filesystem
  dev_t live_device_ = 0;
  UtcTime trusted_before_;
};

}  // namespace holdfast::activities

// Directory trees: the bytes of volumes, snapshots and clones. Copies share blocks with their
// source where the file system can (FICLONE). Names below are relative to the top of a tree; the
// folder `.snapshot` at the top is never a part of it.
#pragma once

#include <cstdint>
#include <string>

#include "core/base/result.h"

namespace holdfast::ontap_sim {

inline constexpr std::string_view kSnapshotFolder = ".snapshot";

struct TreeUsage {
  std::int64_t bytes = 0;  // of all files
  std::int64_t files = 0;  // of any kind, without the top
};
// An empty tree for a folder that is not there.
TreeUsage measure_tree(const std::string& top);

// Makes `to`, which must not exist, a copy of `from`: contents, modes, owners where allowed, times,
// symbolic links, hard links within the tree.
Status copy_tree(const std::string& from, const std::string& to);
// Makes `to` equal to `from`, changing only what differs; files are compared by their bytes, 4 KiB
// at a time. Returns how many bytes were written.
Result<std::int64_t> mirror_tree(const std::string& from, const std::string& to);
// How many bytes of `now` are not in `before`, by blocks of 4 KiB.
std::int64_t changed_bytes(const std::string& before, const std::string& now);

// One file or symbolic link, replacing what is there; makes missing folders.
Status copy_file_over(const std::string& from, const std::string& to);
// `count` bytes from `start`; the rest of `to` stays.
Status copy_file_range_over(const std::string& from, const std::string& to, std::int64_t start,
                            std::int64_t count);
// With everything below; what is not there is fine.
Status remove_tree(const std::string& top);
Status make_folder(const std::string& path);
Status rename_path(const std::string& from, const std::string& to);
bool path_exists(const std::string& path);

}  // namespace holdfast::ontap_sim

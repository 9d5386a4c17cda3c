// Do two files of one filesystem lie in the very same blocks? Then they have the same bytes, and
// nobody has to read them. Linux tells where a file lies (FIEMAP, see the kernel's
// Documentation/filesystems/fiemap.rst); filesystems that copy on write share blocks between a
// snapshot and its source until one of them is written.
#pragma once

namespace holdfast::backup {

// Whether the files open as `a` and `b` share every block. What was written to either and is not
// on the disk yet is written first. False also where nothing can be told: a filesystem without
// FIEMAP, content inside the metadata (small files), blocks not placed yet. The caller knows that
// both are on one filesystem: block numbers of two filesystems mean nothing beside each other.
bool share_all_blocks(int a, int b);

}  // namespace holdfast::backup

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "drivers/storage/btrfs/loop_mount.h"

namespace holdfast::storage {

const LoopMount& LoopMount::instance() {
  static const LoopMount mount;
  return mount;
}

LoopMount::LoopMount() : unavailable_(make()) {
  const char* required = std::getenv("HOLDFAST_REQUIRE");
  if (!unavailable_.empty() && required != nullptr && std::strstr(required, "btrfs") != nullptr) {
    ADD_FAILURE() << "HOLDFAST_REQUIRE names btrfs: " << unavailable_;
  }
}

std::string LoopMount::make() {
  if (::geteuid() != 0) {
    return "btrfs tests need root";
  }
  if (::access("/dev/loop-control", R_OK | W_OK) != 0) {
    return "btrfs tests need loop devices";
  }
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return std::string("btrfs tests need a mount namespace: ") + std::strerror(errno);
  }
  // Over a directory that every machine has, so that not even a mount point is left behind.
  if (::mount("none", "/mnt", "tmpfs", 0, nullptr) != 0) {
    return std::string("btrfs tests need to mount over /mnt: ") + std::strerror(errno);
  }
  path_ = "/mnt/btrfs";
  const int failed = std::system(
      "(truncate -s 256M /mnt/image && mkfs.btrfs -q /mnt/image && mkdir /mnt/btrfs &&"
      " mount -o loop /mnt/image /mnt/btrfs) >/dev/null 2>&1");
  if (failed != 0) {
    return "btrfs tests need mkfs.btrfs, a free loop device and btrfs in the kernel";
  }
  return "";
}

}  // namespace holdfast::storage

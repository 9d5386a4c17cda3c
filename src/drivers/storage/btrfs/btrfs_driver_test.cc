#include "drivers/storage/btrfs/btrfs_driver.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "drivers/storage/btrfs/loop_mount.h"
#include "drivers/storage/btrfs/snapshot_store.h"
#include "drivers/storage/driver_contract.h"
#include "drivers/storage/registry.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;

int run_command(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str());
}

// A fresh subvolume on the test filesystem; its snapshots go with it.
class BtrfsBed {
 public:
  static std::string unavailable() { return LoopMount::instance().unavailable(); }

  BtrfsBed() {
    static int count = 0;
    path_ = LoopMount::instance().path() + "/volume" + std::to_string(++count);
    EXPECT_EQ(run_command("btrfs subvolume create " + path_), 0);
  }

  Driver& driver() { return *driver_; }
  const std::string& path() const { return path_; }
  std::string outside() const { return LoopMount::instance().path() + "/nowhere"; }

 private:
  async::Pool pool_{"storage", 1};
  std::unique_ptr<Driver> driver_ = make_btrfs_driver(pool_);
  std::string path_;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Btrfs, DriverContract, BtrfsBed);

class BtrfsDriverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = BtrfsBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace();
  }

  template <class T>
  T run(async::Co<T> co) {
    return async::block_on(loop_.executor(), std::move(co));
  }
  Volume resolve(const std::string& path) {
    auto volume = run(bed_->driver().resolve(path));
    EXPECT_TRUE(volume) << volume.error().to_string();
    return volume ? *volume : Volume();
  }
  Snapshot snapshot(const Volume& volume, const std::string& name) {
    auto made = run(bed_->driver().create_snapshot(volume, {.name = name, .comment = ""}));
    EXPECT_TRUE(made) << made.error().to_string();
    return made ? *made : Snapshot();
  }
  ReadView view(const Volume& volume, const std::string& name) {
    auto found = run(bed_->driver().read_view(volume, name));
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : ReadView();
  }

  async::Pool loop_{"loop", 1};
  std::optional<BtrfsBed> bed_;
};

TEST_F(BtrfsDriverTest, ProtectsADirectoryInsideASubvolume) {
  fs::create_directories(bed_->path() + "/data/deep");
  write_file(bed_->path() + "/data/deep/a", "inside");
  const Volume volume = resolve(bed_->path() + "/data/deep");
  EXPECT_EQ(volume.root, bed_->path());
  snapshot(volume, "pt_1");
  const ReadView found = view(volume, "pt_1");
  EXPECT_EQ(read_file(found.read_path + "/a"), "inside");
  EXPECT_EQ(found.live_path, bed_->path() + "/data/deep");
}

TEST_F(BtrfsDriverTest, SaysWhenTheProtectedPathIsNotInTheSnapshot) {
  snapshot(resolve(bed_->path()), "pt_1");
  fs::create_directory(bed_->path() + "/later");
  const auto found = run(bed_->driver().read_view(resolve(bed_->path() + "/later"), "pt_1"));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code(), Code::kNotFound);
}

TEST_F(BtrfsDriverTest, NamesTheTreesThatASnapshotDoesNotHold) {
  ASSERT_EQ(run_command("btrfs subvolume create " + bed_->path() + "/nested"), 0);
  fs::create_directory(bed_->path() + "/other disk");
  ASSERT_EQ(run_command("mount -t tmpfs none '" + bed_->path() + "/other disk'"), 0);
  const Volume volume = resolve(bed_->path());
  EXPECT_EQ(run_command("umount '" + bed_->path() + "/other disk'"), 0);
  EXPECT_EQ(volume.not_included,
            (std::vector<std::string>{bed_->path() + "/nested", bed_->path() + "/other disk"}));
}

TEST_F(BtrfsDriverTest, KeepsItsStoreOutOfAVolumeThatHoldsIt) {
  const Volume top = resolve(LoopMount::instance().path());
  EXPECT_EQ(top.root, LoopMount::instance().path());
  write_file(top.root + "/file", "x");
  snapshot(top, "pt_top");
  EXPECT_EQ(view(top, "pt_top").exclude, (std::vector<std::string>{".holdfast"}));
  const auto same = run(bed_->driver().unchanged_since(top, "pt_top"));
  ASSERT_TRUE(same) << same.error().to_string();
  EXPECT_TRUE(*same) << "taking a snapshot is no change";
  for (const std::string& tree : top.not_included) {
    EXPECT_EQ(tree.find(".holdfast"), std::string::npos) << tree;
  }
  const auto deleted = run(bed_->driver().delete_snapshot(top, "pt_top"));
  EXPECT_TRUE(deleted) << deleted.error().to_string();
}

TEST_F(BtrfsDriverTest, KeepsTheStoreForItsOwner) {
  snapshot(resolve(bed_->path()), "pt_1");
  struct stat status{};
  ASSERT_EQ(::stat((LoopMount::instance().path() + "/.holdfast").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0700u);
}

TEST_F(BtrfsDriverTest, LeavesASnapshotThatNobodyCanChange) {
  write_file(bed_->path() + "/a", "kept");
  const Volume volume = resolve(bed_->path());
  snapshot(volume, "pt_1");
  const std::string kept = view(volume, "pt_1").read_path + "/a";
  write_file(kept, "scribbled");
  EXPECT_EQ(read_file(kept), "kept");
}

TEST_F(BtrfsDriverTest, SeesAChangeOfMetadata) {
  write_file(bed_->path() + "/a", "same");
  const Volume volume = resolve(bed_->path());
  snapshot(volume, "pt_1");
  ASSERT_EQ(::chmod((bed_->path() + "/a").c_str(), 0600), 0);
  EXPECT_FALSE(*run(bed_->driver().unchanged_since(volume, "pt_1")));
}

TEST_F(BtrfsDriverTest, SeesAChangeThroughAMappingThatWasDirtyBefore) {
  write_file(bed_->path() + "/a", std::string(4096, 'a'));
  const int file = ::open((bed_->path() + "/a").c_str(), O_RDWR);
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ASSERT_NE(page, MAP_FAILED);
  static_cast<volatile char*>(page)[0] = 'b';
  const Volume volume = resolve(bed_->path());
  snapshot(volume, "pt_1");
  EXPECT_TRUE(*run(bed_->driver().unchanged_since(volume, "pt_1")));
  static_cast<volatile char*>(page)[0] = 'c';
  EXPECT_FALSE(*run(bed_->driver().unchanged_since(volume, "pt_1")));
  EXPECT_EQ(read_file(view(volume, "pt_1").read_path + "/a")[0], 'b');
  ::munmap(page, 4096);
  ::close(file);
}

TEST_F(BtrfsDriverTest, DoesNotTakeAChangeElsewhereForOneOfTheVolume) {
  const BtrfsBed neighbour;
  const Volume volume = resolve(bed_->path());
  snapshot(volume, "pt_1");
  write_file(neighbour.path() + "/a", "x");
  ASSERT_EQ(run_command("btrfs filesystem sync " + bed_->path()), 0);
  EXPECT_TRUE(*run(bed_->driver().unchanged_since(volume, "pt_1")));
}

TEST_F(BtrfsDriverTest, RefusesAVolumeThatWasReplaced) {
  const Volume volume = resolve(bed_->path());
  ASSERT_EQ(run_command("btrfs subvolume delete " + bed_->path()), 0);
  ASSERT_EQ(run_command("btrfs subvolume create " + bed_->path()), 0);
  const auto made = run(bed_->driver().create_snapshot(volume, {.name = "pt_1", .comment = ""}));
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kConflict);
}

TEST_F(BtrfsDriverTest, DoesNotTrustAWritableSnapshot) {
  const Volume volume = resolve(bed_->path());
  snapshot(volume, "pt_1");
  ASSERT_EQ(run_command("btrfs property set -ts " + view(volume, "pt_1").read_path + " ro false"),
            0);
  EXPECT_EQ(run(bed_->driver().read_view(volume, "pt_1")).error().code(), Code::kConflict);
  EXPECT_TRUE(run(bed_->driver().list_snapshots(volume))->empty());
}

TEST_F(BtrfsDriverTest, RefusesAFilesystemOfAnotherKind) {
  const auto volume = run(bed_->driver().resolve("/proc"));
  ASSERT_FALSE(volume);
  EXPECT_EQ(volume.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(suitable_kind(bed_->path()), "btrfs");
}

TEST_F(BtrfsDriverTest, GivesTwoVolumesTwoDevices) {
  const BtrfsBed neighbour;
  EXPECT_NE(view(resolve(bed_->path()), "").device_id,
            view(resolve(neighbour.path()), "").device_id);
}

}  // namespace
}  // namespace holdfast::storage

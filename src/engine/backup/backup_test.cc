#include "engine/backup/backup.h"

#include <thread>

#include "engine/backup/exclude.h"
#include "engine/backup/list.h"
#include "engine/backup/scan.h"
#include "engine/backup/testing/tree_fixture.h"

namespace holdfast::backup {
namespace {

using Backup = TreeTest;

TEST_F(Backup, BringsEverythingBackAsItWas) {
  make_everything();
  const BackupSummary summary = save();
  EXPECT_FALSE(summary.partial());
  EXPECT_EQ(summary.counts.files_new, 9u);
  const RestoreSummary restored = bring_back(restore_to(summary, root_ + "/back"));
  EXPECT_EQ(compare(root_ + "/back", source_), "");
  EXPECT_EQ(restored.files_verified, 9u);
  EXPECT_EQ(read(root_ + "/back/large"), noise(1, 5'000'000));
  if (has_attributes_) {
    char list[64];
    EXPECT_GT(::getxattr((root_ + "/back/deep/er/file").c_str(), "system.posix_acl_access", list,
                         sizeof(list)),
              0);
  }
  struct stat info{};
  ASSERT_EQ(::stat((root_ + "/back/hole").c_str(), &info), 0);
  EXPECT_LT(info.st_blocks * 512, 2'000'000);
  EXPECT_EQ(damage(), std::vector<std::string>());
}

TEST_F(Backup, ReadsAndStoresNothingOfAnUnchangedTree) {
  make_everything();
  const BackupSummary first = save();
  const BackupSummary second = save();
  EXPECT_EQ(second.parent, first.snapshot);
  const auto subtree = [this](const BackupSummary& summary) {
    const repo::Snapshot snapshot = *repository_->snapshot(summary.snapshot);
    return find_node(*repository_, snapshot, source_)->subtree;
  };
  EXPECT_EQ(subtree(second), subtree(first));
  EXPECT_EQ(second.counts.files_unmodified, 9u);
  EXPECT_EQ(second.counts.data_blobs, 0u);
  EXPECT_LE(second.counts.tree_blobs, 2u);  // folders above the source, which others write to
  EXPECT_EQ(second.counts.total_bytes_processed, first.counts.total_bytes_processed);
}

TEST_F(Backup, StoresOnlyWhatChanged) {
  make_everything();
  save();
  write("plain", "changed\n");
  write("new", "new\n");
  std::filesystem::remove(source_ + "/empty");
  const BackupSummary second = save();
  EXPECT_EQ(second.counts.files_changed, 2u);  // both names of the hard link
  EXPECT_EQ(second.counts.files_new, 1u);
  EXPECT_EQ(second.counts.data_blobs, 2u);
  bring_back(restore_to(second, root_ + "/back"));
  EXPECT_EQ(compare(root_ + "/back", source_), "");
}

TEST_F(Backup, ForcedReadsAllAndStoresNothingTwice) {
  make_everything();
  save();
  BackupOptions forced = options();
  forced.force = true;
  const BackupSummary second = save(forced);
  EXPECT_EQ(second.counts.files_new, 9u);
  EXPECT_EQ(second.counts.data_blobs, 0u);
  EXPECT_LE(second.counts.tree_blobs, 2u);  // folders above the source, which others write to
}

TEST_F(Backup, FromASnapshotRecordsLivePathsAndAStableDevice) {
  make_everything();
  const std::string snapshot_folder = root_ + "/snapshot";
  std::filesystem::rename(source_, snapshot_folder);
  std::filesystem::create_directory(source_);
  BackupOptions from_snapshot = options();
  from_snapshot.targets = {{source_, snapshot_folder}};
  from_snapshot.device_id = stable_device_id("volume 7");
  const BackupSummary summary = save(from_snapshot);
  const repo::Snapshot snapshot = *repository_->snapshot(summary.snapshot);
  EXPECT_EQ(snapshot.paths, std::vector{source_});
  const auto node = find_node(*repository_, snapshot, source_ + "/plain");
  EXPECT_EQ(node->device_id, stable_device_id("volume 7"));
  EXPECT_EQ(node->size, 6u);
  std::filesystem::remove(source_);
  std::filesystem::rename(snapshot_folder, source_);
  const BackupSummary live = save();
  EXPECT_EQ(live.counts.files_unmodified, 9u);  // the parent is found whatever the device is
}

TEST_F(Backup, LeavesOutWhatIsExcludedAndSockets) {
  write("keep/a.txt", "1");
  write("keep/b.o", "2");
  write("cache/x", "3");
  write("keep/cache/y", "4");
  BackupOptions some = options();
  some.excludes = {"*.o", source_ + "/cache"};
  const BackupSummary summary = save(some);
  EXPECT_EQ(summary.counts.total_files_processed, 2u);
  const repo::Snapshot snapshot = *repository_->snapshot(summary.snapshot);
  EXPECT_TRUE(find_node(*repository_, snapshot, source_ + "/keep/cache/y"));
  EXPECT_EQ(find_node(*repository_, snapshot, source_ + "/cache").error().code(), Code::kNotFound);
}

TEST_F(Backup, ListsWhatItCannotReadAndKeepsTheRest) {
  write("good", "1");
  write("bad", "2");
  if (::geteuid() == 0) {
    // Root reads everything; a file that turns into a folder between listing and reading does not
    // open. Here: a target that is missing beside one that is there.
    BackupOptions two = options();
    two.targets.push_back({root_ + "/absent", ""});
    const BackupSummary summary = save(two);
    EXPECT_TRUE(summary.partial());
    EXPECT_EQ(summary.problems.at(0).path, root_ + "/absent");
    EXPECT_EQ(summary.counts.total_files_processed, 2u);
    return;
  }
  ASSERT_EQ(::chmod((source_ + "/bad").c_str(), 0), 0);
  const BackupSummary summary = save();
  EXPECT_TRUE(summary.partial());
  EXPECT_EQ(summary.problems.at(0).path, source_ + "/bad");
}

TEST_F(Backup, FailsWhenNothingIsThereOrItIsStopped) {
  BackupOptions absent = options();
  absent.targets = {{root_ + "/absent", ""}};
  EXPECT_EQ(backup(*repository_, absent).error().code(), Code::kNotFound);
  write("file", "1");
  std::stop_source stop;
  stop.request_stop();
  BackupOptions stopped = options();
  stopped.stop = stop.get_token();
  EXPECT_EQ(backup(*repository_, stopped).error().code(), Code::kCancelled);
  EXPECT_EQ(repository_->snapshots()->size(), 0u);
  EXPECT_EQ(repo_files().list((judged_.empty() ? "/repo" : judged_) + "/locks")->size(), 0u);
}

TEST_F(Backup, ADryRunCountsAndStoresNothing) {
  make_everything();
  BackupOptions dry = options();
  dry.dry_run = true;
  const BackupSummary summary = save(dry);
  EXPECT_TRUE(summary.snapshot.is_zero());
  EXPECT_GT(summary.counts.data_added, 5'000'000u);
  EXPECT_EQ(repository_->list(blob::ObjectType::kPack)->size(), 0u);
  EXPECT_EQ(repository_->list(blob::ObjectType::kIndex)->size(), 0u);
}

// One thread rewrites the file all the time; every reading sees another version.
TEST_F(Backup, TellsOfAFileThatNeverHoldsStill) {
  write("restless", noise(3, 30'000'000));
  std::atomic<bool> stop{false};
  std::thread writer([&] {
    for (std::uint64_t i = 0; !stop; ++i) {
      const int fd = ::open((source_ + "/restless").c_str(), O_WRONLY | O_CLOEXEC);
      EXPECT_EQ(::pwrite(fd, &i, sizeof(i), static_cast<off_t>(i * 4096 % 29'000'000)), 8);
      ::close(fd);
    }
  });
  const BackupSummary summary = save();
  stop = true;
  writer.join();
  ASSERT_EQ(summary.problem_count, 1u);
  EXPECT_EQ(summary.problems[0].kind, Problem::Kind::kChangedWhileRead);
  EXPECT_EQ(damage(), std::vector<std::string>());
}

TEST_F(Backup, KeepsAFullTreeOverManyPacks) {
  for (int i = 0; i < 40; ++i) {
    write("folder" + std::to_string(i % 7) + "/file" + std::to_string(i),
          noise(static_cast<std::uint64_t>(i), 100'000 + static_cast<std::size_t>(i) * 1000));
  }
  BackupOptions small_packs = options();
  small_packs.writer.pack_size = 300'000;
  const BackupSummary summary = save(small_packs);
  EXPECT_GT(repository_->list(blob::ObjectType::kPack)->size(), 10u);
  bring_back(restore_to(summary, root_ + "/back"));
  EXPECT_EQ(compare(root_ + "/back", source_), "");
  EXPECT_EQ(damage(), std::vector<std::string>());
}

TEST(Excludes, MatchPartsAnchorsAndDoubleStars) {
  const Excludes excludes({"*.o", "/srv/tmp", "node_modules", "a/**/z"});
  for (const char* path : {"/x/y.o", "/srv/tmp", "/p/node_modules", "/q/a/z", "/a/b/c/z"}) {
    EXPECT_TRUE(excludes.matches(path)) << path;
  }
  for (const char* path : {"/x/y.oo", "/srv/tmpx", "/x/srv/tmp", "/a/b", "/z"}) {
    EXPECT_FALSE(excludes.matches(path)) << path;
  }
}

TEST_F(Backup, ScanCountsWhatTheBackupCounts) {
  make_everything();
  write("skipped/file", "not looked at");
  BackupOptions wanted = options();
  wanted.excludes = {"skipped"};
  ScanTotals totals;
  scan(wanted, {}, totals);
  const BackupSummary summary = save(wanted);
  EXPECT_TRUE(totals.complete);
  EXPECT_EQ(totals.files, summary.counts.total_files_processed);
  EXPECT_EQ(totals.bytes, summary.counts.total_bytes_processed);

  std::stop_source stopped;
  stopped.request_stop();
  ScanTotals none;
  scan(wanted, stopped.get_token(), none);
  EXPECT_FALSE(none.complete);
}

}  // namespace
}  // namespace holdfast::backup

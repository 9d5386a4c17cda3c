#include "engine/backup/restore.h"

#include "engine/backup/list.h"
#include "engine/backup/testing/tree_fixture.h"

namespace holdfast::backup {
namespace {

using Restore = TreeTest;

TEST_F(Restore, PlansWhatItWillDoAndTouchesNothing) {
  write("a", "1");
  write("b", "22");
  write("folder/c", "333");
  const BackupSummary summary = save();
  std::filesystem::remove(source_ + "/a");
  write("b", "changed");
  write("folder/extra", "x");
  RestoreOptions in_place = restore_to(summary, source_);
  in_place.delete_extra = true;
  const auto plan = plan_restore(*repository_, in_place);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->create_paths, std::vector<std::string>{"a"});
  EXPECT_EQ(plan->overwrite_paths, std::vector<std::string>{"b"});
  EXPECT_EQ(plan->delete_paths, std::vector<std::string>{"folder/extra"});
  EXPECT_EQ(plan->bytes, 3u);
  EXPECT_EQ(read(source_ + "/b"), "changed");
  EXPECT_FALSE(std::filesystem::exists(source_ + "/a"));
}

TEST_F(Restore, InPlaceMakesTheTreeWhatItWas) {
  make_everything();
  const BackupSummary summary = save();
  bring_back(restore_to(summary, root_ + "/reference"));
  std::filesystem::remove(source_ + "/plain");
  write("large", "short now");
  std::filesystem::remove(source_ + "/link");
  std::filesystem::create_directory(source_ + "/link");  // a folder in the way of a link
  write("link/inside", "x");
  std::filesystem::remove_all(source_ + "/deep");
  write("deep", "a file in the way of a folder");
  write("extra/file", "x");
  RestoreOptions in_place = restore_to(summary, source_);
  in_place.overwrite = Overwrite::kAlways;
  in_place.delete_extra = true;
  const RestoreSummary done = bring_back(in_place);
  EXPECT_EQ(done.files_deleted, 1u);
  EXPECT_EQ(compare(root_ + "/reference", source_), "");
}

TEST_F(Restore, OfOneDeletedFileLeavesTheOthersAlone) {
  make_everything();
  const BackupSummary summary = save();
  std::filesystem::remove(source_ + "/deep/er/file");
  write("plain", "written since");
  RestoreOptions one = restore_to(summary, source_);
  one.include = {"deep/er/file"};
  const RestoreSummary done = bring_back(one);
  EXPECT_EQ(done.files_restored, 1u);
  EXPECT_EQ(read(source_ + "/deep/er/file"), "x");
  EXPECT_EQ(read(source_ + "/plain"), "written since");
}

TEST_F(Restore, LeavesUnchangedFilesAndNeverOverwritesWhenTold) {
  write("same", "1");
  write("other", "2");
  const BackupSummary summary = save();
  write("other", "newer");
  RestoreOptions careful = restore_to(summary, source_);
  careful.overwrite = Overwrite::kNever;
  EXPECT_EQ(bring_back(careful).files_skipped, 2u);
  EXPECT_EQ(read(source_ + "/other"), "newer");
  careful.overwrite = Overwrite::kIfChanged;
  const RestoreSummary done = bring_back(careful);
  EXPECT_EQ(done.files_skipped, 1u);
  EXPECT_EQ(done.files_restored, 1u);
  EXPECT_EQ(read(source_ + "/other"), "2");
}

TEST_F(Restore, SeesBytesThatChangedBehindAnUnchangedLook) {
  write("same", "good");
  write("rotten", "good");
  const BackupSummary summary = save();
  struct stat before{};
  ASSERT_EQ(::stat((source_ + "/rotten").c_str(), &before), 0);
  write("rotten", "evil");
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::utimensat(AT_FDCWD, (source_ + "/rotten").c_str(), times, 0), 0);
  RestoreOptions look = restore_to(summary, source_);
  look.overwrite = Overwrite::kIfChanged;
  EXPECT_EQ(plan_restore(*repository_, look)->overwrites, 0u);
  look.overwrite = Overwrite::kIfDifferent;
  const auto plan = plan_restore(*repository_, look);
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->overwrite_paths, std::vector<std::string>{"rotten"});
  EXPECT_EQ(bring_back(look).files_restored, 1u);
  EXPECT_EQ(read(source_ + "/rotten"), "good");
  EXPECT_EQ(plan_restore(*repository_, look)->overwrites, 0u);
}

TEST_F(Restore, WithoutARootKeepsTheWholePath) {
  write("file", "1");
  const BackupSummary summary = save();
  RestoreOptions whole = restore_to(summary, root_ + "/back");
  whole.root = "";
  bring_back(whole);
  EXPECT_EQ(read(root_ + "/back" + source_ + "/file"), "1");
}

TEST_F(Restore, NeverWritesThroughALinkInTheTarget) {
  write("folder/file", "secret");
  const BackupSummary summary = save();
  std::filesystem::create_directory(root_ + "/outside");
  std::filesystem::create_directory(root_ + "/back");
  std::filesystem::create_directory_symlink(root_ + "/outside", root_ + "/back/folder");
  bring_back(restore_to(summary, root_ + "/back"));
  EXPECT_TRUE(std::filesystem::is_empty(root_ + "/outside"));
  EXPECT_EQ(read(root_ + "/back/folder/file"), "secret");
}

TEST_F(Restore, NamesAPathTheSnapshotDoesNotHave) {
  write("file", "1");
  const BackupSummary summary = save();
  RestoreOptions wrong = restore_to(summary, root_ + "/back");
  wrong.include = {"file", "absent"};
  EXPECT_EQ(restore(*repository_, wrong).error().code(), Code::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/back"));
  wrong.root = "/absent";
  EXPECT_EQ(plan_restore(*repository_, wrong).error().code(), Code::kNotFound);
}

TEST_F(Restore, ListsTheFilesOfADamagedPackAndRestoresTheOthers) {
  write("good", noise(1, 2000));
  write("bad", noise(2, 2000));
  BackupOptions single = options();
  single.writer.pack_size = 1;  // each chunk in its own pack
  const BackupSummary summary = save(single);
  const repo::Snapshot snapshot = *repository_->snapshot(summary.snapshot);
  const repo::Node bad = *find_node(*repository_, snapshot, source_ + "/bad");
  const auto location = repository_->find_chunk(repo::ChunkKind::kData, bad.content->at(0));
  damaged_on_purpose_ = true;
  ASSERT_TRUE(repository_->remove({blob::ObjectType::kPack, location->pack.hex()}));
  const auto done = restore(*repository_, restore_to(summary, root_ + "/back"));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->problem_count, 1u);
  EXPECT_EQ(done->problems[0].path, "bad");
  EXPECT_FALSE(std::filesystem::exists(root_ + "/back/bad"));
  EXPECT_EQ(read(root_ + "/back/good"), noise(1, 2000));
}

TEST_F(Restore, ListsFoldersAndFindsNodes) {
  make_everything();
  const repo::Snapshot snapshot = *repository_->snapshot(save().snapshot);
  EXPECT_EQ(list_folder(*repository_, snapshot, source_ + "/deep")->size(), 2u);
  EXPECT_EQ(list_folder(*repository_, snapshot, source_ + "/plain")->at(0).node.size, 6u);
  std::size_t seen = 0;
  ASSERT_TRUE(walk_snapshot(*repository_, snapshot, source_,
                            [&](const ListedNode&) { return ++seen < 5; }));
  EXPECT_EQ(seen, 5u);
}

}  // namespace
}  // namespace holdfast::backup

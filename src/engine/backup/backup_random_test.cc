// Random trees, changed at random between backups: every snapshot restores to what the tree was,
// also after forget, prune and copy. The seed is HOLDFAST_SEED or 1; a failure prints it.
#include "engine/backup/testing/tree_fixture.h"
#include "engine/repo/maintain.h"

namespace holdfast::backup {
namespace {

class SlowRandomTrees : public TreeTest {
 protected:
  SlowRandomTrees() {
    const char* given = std::getenv("HOLDFAST_SEED");
    seed_ = given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
  }

  std::string random_name() {
    std::string name(1 + dice_->below(9), '\0');
    for (char& c : name) {
      c = static_cast<char>(1 + dice_->below(255));
      c = c == '/' ? '_' : c;
    }
    return name == "." || name == ".." ? "dots" : name;
  }
  std::string random_content() {
    static constexpr std::size_t kSizes[] = {0, 1, 4095, 70'000, 600'000, 3'000'000};
    const std::size_t size = kSizes[dice_->below(std::size(kSizes))];
    return dice_->below(3) == 0 ? std::string(size, 'z') : noise(dice_->below(20), size);
  }
  std::string random_folder() {
    std::vector<std::string> folders{source_};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_)) {
      if (entry.is_directory() && !entry.is_symlink()) {
        folders.push_back(entry.path().string());
      }
    }
    return folders[dice_->below(folders.size())];
  }
  std::string random_entry() {
    std::vector<std::string> entries{source_};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(source_)) {
      entries.push_back(entry.path().string());
    }
    return entries[dice_->below(entries.size())];
  }

  void change() {
    const std::string path = random_folder() + "/" + random_name();
    std::error_code ignored;  // names may collide; any outcome is a tree
    switch (dice_->below(9)) {
      case 0:
        std::filesystem::create_directory(path, ignored);
        break;
      case 1:
        std::filesystem::create_symlink(random_name(), path, ignored);
        break;
      case 2:
        if (const std::string old = random_entry(); !std::filesystem::is_directory(old, ignored)) {
          std::filesystem::create_hard_link(old, path, ignored);
        }
        break;
      case 3:
        if (const std::string old = random_entry(); old != source_) {
          std::filesystem::remove_all(old, ignored);
        }
        break;
      case 4:
        if (const std::string old = random_entry(); !std::filesystem::is_symlink(old)) {
          ::chmod(old.c_str(), static_cast<mode_t>(0400 | dice_->below(010000)));
        }
        break;
      default:
        std::ofstream(path, std::ios::binary) << random_content();
        break;
    }
  }

  std::uint64_t seed_ = 1;
  std::unique_ptr<env::SeededRandom> dice_;
};

TEST_F(SlowRandomTrees, EverySnapshotRestoresToWhatTheTreeWas) {
  dice_ = std::make_unique<env::SeededRandom>(seed_);
  auto second =
      init(judged_.empty() ? "/second" : root_ + "/second", repository_->config().polynomial);
  std::vector<BackupSummary> kept;
  for (int round = 0; round < 8; ++round) {
    for (int i = 0; i < 12; ++i) {
      change();
    }
    kept.push_back(save());
    const std::string reference = root_ + "/was" + std::to_string(round);
    bring_back(restore_to(kept.back(), reference));
    ASSERT_EQ(compare(reference, source_), "") << "seed " << seed_ << " round " << round;
    if (round == 5) {
      ASSERT_TRUE(repo::forget(*repository_, {kept[1].snapshot, kept[3].snapshot}));
      repo::PruneOptions all;
      all.max_unused_ratio = 0;
      ASSERT_TRUE(repo::prune(*repository_, all));
    }
  }
  EXPECT_EQ(damage(), std::vector<std::string>()) << "seed " << seed_;
  ASSERT_TRUE(repo::copy(*repository_, *second, {kept[0].snapshot, kept[7].snapshot}));
  for (const std::size_t round : {0u, 2u, 4u, 6u}) {
    const std::string again = root_ + "/again" + std::to_string(round);
    bring_back(restore_to(kept[round], again));
    EXPECT_EQ(compare(again, root_ + "/was" + std::to_string(round)), "") << "seed " << seed_;
  }
  std::swap(second, repository_);
  const auto copies = repository_->snapshots();
  for (const std::size_t i : {0u, 1u}) {
    BackupSummary copied;
    copied.snapshot = copies->at(i).id;
    ASSERT_TRUE(repository_->load_index());
    const std::string target = root_ + "/copy" + std::to_string(i);
    bring_back(restore_to(copied, target));
    EXPECT_EQ(compare(target, root_ + (i == 0 ? "/was0" : "/was7")), "") << "seed " << seed_;
  }
}

}  // namespace
}  // namespace holdfast::backup

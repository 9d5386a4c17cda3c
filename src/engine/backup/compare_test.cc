#include "engine/backup/compare.h"

#include "engine/backup/testing/tree_fixture.h"

namespace holdfast::backup {
namespace {

class Compare : public TreeTest {
 protected:
  void SetUp() override {
    make_everything();
    summary_ = save();
    copy_ = root_ + "/copy";
    bring_back(restore_to(summary_, copy_));
  }
  CompareReport of_snapshot(const CompareOptions& options = {}) {
    const auto report =
        compare_snapshot(*repository_, summary_.snapshot, source_, source_, options);
    EXPECT_TRUE(report) << report.error().to_string();
    return report ? *report : CompareReport();
  }
  BackupSummary summary_;
  std::string copy_;
};

TEST_F(Compare, FindsASnapshotAndItsRestoredCopyEqual) {
  const CompareReport report = of_snapshot();
  EXPECT_TRUE(report.same()) << differences(report);
  EXPECT_EQ(report.equal, report.compared);
  EXPECT_GT(report.bytes_compared, 10'000'000u);
  EXPECT_EQ(compare(copy_, source_), "");
}

TEST_F(Compare, FindsEachKindOfDifference) {
  struct Change {
    const char* what;
    std::string path;
    std::function<int(const std::string&)> make;
  };
  const timespec times[2] = {{0, UTIME_OMIT}, {1'000'000'000, 123'456'788}};
  std::vector<Change> changes{
      {"mode", "plain", [](const std::string& p) { return ::chmod(p.c_str(), 0600); }},
      {"mtime", "empty",
       [&](const std::string& p) { return ::utimensat(AT_FDCWD, p.c_str(), times, 0); }},
  };
  if (has_attributes_) {
    changes.push_back({"extended attributes", "plain", [](const std::string& p) {
                         return ::setxattr(p.c_str(), "user.colour", "blu", 3, 0);
                       }});
  }
  if (::geteuid() == 0) {
    changes.push_back(
        {"owner", "large", [](const std::string& p) { return ::lchown(p.c_str(), 1, 1); }});
  }
  for (const Change& change : changes) {
    ASSERT_EQ(change.make(copy_ + "/" + change.path), 0);
    const std::string found = compare(copy_, source_);
    EXPECT_NE(found.find(change.path + ": "), std::string::npos) << change.what;
    EXPECT_NE(found.find(change.what), std::string::npos) << found;
    bring_back([&] {
      RestoreOptions again = restore_to(summary_, copy_);
      again.overwrite = Overwrite::kAlways;
      return again;
    }());
    ASSERT_EQ(compare(copy_, source_), "");
  }
}

// Size and mtime are kept: only the bytes tell.
TEST_F(Compare, FindsAFlippedByte) {
  struct stat before{};
  const std::string path = copy_ + "/large";
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  ASSERT_EQ(::pwrite(fd, "\x55", 1, 4'000'000), 1);
  const timespec times[2] = {before.st_atim, before.st_mtim};
  ASSERT_EQ(::futimens(fd, times), 0);
  ::close(fd);
  ASSERT_EQ(::chmod(path.c_str(), before.st_mode & 07777), 0);
  EXPECT_EQ(compare(copy_, source_), "large: bytes\n");
  const auto report = compare_snapshot(*repository_, summary_.snapshot, source_, copy_, {});
  EXPECT_EQ(differences(*report), "large: bytes\n");
}

TEST_F(Compare, FindsABrokenHardLink) {
  const std::string path = copy_ + "/deep/hard link";
  struct stat folder{};
  ASSERT_EQ(::stat((copy_ + "/deep").c_str(), &folder), 0);
  std::filesystem::remove(path);
  std::filesystem::copy(copy_ + "/plain", path);
  EXPECT_NE(compare(copy_, source_).find("hard links"), std::string::npos);
}

TEST_F(Compare, CountsWhatTheSourceChangedSinceApart) {
  const UtcTime before = environment_.clock->now() - std::chrono::hours(1);
  CompareOptions options;
  options.consistency_time = environment_.clock->now() + std::chrono::hours(1);
  write("plain", "changed\n");
  write("added", "x");
  std::filesystem::remove(source_ + "/empty");
  CompareReport report = of_snapshot(options);
  EXPECT_GE(report.different, 1u);
  EXPECT_EQ(report.missing_paths, std::vector<std::string>{"empty"});
  EXPECT_EQ(report.extra_paths, std::vector<std::string>{"added"});
  options.consistency_time = before;
  report = of_snapshot(options);
  EXPECT_TRUE(report.same()) << differences(report);
  EXPECT_GE(report.changed_since, 4u);
}

TEST_F(Compare, LeavesOutWhatIsExcluded) {
  write("deep/er/file", "changed");
  CompareOptions options;
  options.excludes = {"file", "er"};
  EXPECT_TRUE(of_snapshot(options).same());
}

}  // namespace
}  // namespace holdfast::backup

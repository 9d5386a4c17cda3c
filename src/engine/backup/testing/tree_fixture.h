// A directory tree with everything a backup has to keep, and a repository in memory.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/base/log.h"
#include "core/env/posix/posix_file_system.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "core/env/sim/seeded_random.h"
#include "core/env/sim/sim_file_system.h"
#include "engine/backup/backup.h"
#include "engine/backup/compare.h"
#include "engine/backup/restore.h"
#include "engine/blob/local/local_store.h"
#include "engine/repo/check.h"
#include "engine/repo/repository.h"

namespace holdfast::backup {

class TreeTest : public testing::Test {
 protected:
  TreeTest() {
    set_log_level(LogLevel::kError);
    std::string pattern = testing::TempDir() + "/hf_tree_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    source_ = root_ + "/source";
    std::filesystem::create_directory(source_);
    environment_ = repo::this_process(clock_, random_);
    environment_.host = "testhost";
    environment_.lock_settle = Nanoseconds(0);
    if (const char* judge = std::getenv("HOLDFAST_JUDGE_DIR")) {
      const auto* test = testing::UnitTest::GetInstance()->current_test_info();
      judge_folder_ = judge;
      judged_ = judge_folder_ + "/" + test->test_suite_name() + "." + test->name();
      std::filesystem::remove_all(judged_);
    }
    repository_ = init(judged_.empty() ? "/repo" : judged_);
  }
  ~TreeTest() override {
    repository_.reset();
    if (!judged_.empty() && !damaged_on_purpose_) {
      std::ofstream(judge_folder_ + "/registry", std::ios::app)
          << judged_ << '\t' << kPassword << '\n';
    }
    std::filesystem::permissions(root_, std::filesystem::perms::owner_all);
    std::filesystem::remove_all(root_);
  }

  std::unique_ptr<repo::Repository> init(const std::string& path,
                                         std::optional<std::uint64_t> polynomial = {}) {
    auto made = repo::Repository::init(
        std::make_shared<blob::LocalStore>(repo_files(), random_, path), SecretString(kPassword),
        environment_, {.polynomial = polynomial, .cost = {16, 1, 1}});
    EXPECT_TRUE(made) << made.error().to_string();
    return std::move(*made);
  }

  env::FileSystem& repo_files() {
    return judged_.empty() ? static_cast<env::FileSystem&>(memory_files_) : disk_files_;
  }

  void write(const std::string& name, const std::string& content) const {
    std::filesystem::create_directories(std::filesystem::path(source_ + "/" + name).parent_path());
    std::ofstream(source_ + "/" + name, std::ios::binary) << content;
  }
  static std::string read(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string noise(std::uint64_t seed, std::size_t size) {
    env::SeededRandom random(seed);
    std::string bytes(size, '\0');
    random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), size});
    return bytes;
  }

  // Files, links, holes, attributes, odd modes, old times, names that are not UTF-8.
  void make_everything() const {
    write("plain", "hello\n");
    write("empty", "");
    write("deep/er/file", "x");
    write("large", noise(1, 5'000'000));
    write("large copy", noise(1, 5'000'000));
    write("zeros", std::string(1'500'000, '\0'));
    write("name \xff\xfe \\ \" <&> \n", "not UTF-8");
    std::filesystem::create_directory(source_ + "/empty folder");
    ASSERT_EQ(::link((source_ + "/plain").c_str(), (source_ + "/deep/hard link").c_str()), 0);
    ASSERT_EQ(::symlink("deep/er", (source_ + "/link").c_str()), 0);
    ASSERT_EQ(::symlink("bad \xff target", (source_ + "/dangling").c_str()), 0);
    ASSERT_EQ(::mkfifo((source_ + "/fifo").c_str(), 0640), 0);
    const int hole = ::open((source_ + "/hole").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ASSERT_EQ(::ftruncate(hole, 20'000'000), 0);
    ASSERT_EQ(::pwrite(hole, "middle", 6, 9'000'000), 6);
    ::close(hole);
    ASSERT_EQ(::chmod((source_ + "/large").c_str(), 04711), 0);
    ASSERT_EQ(::chmod((source_ + "/empty folder").c_str(), 01755), 0);
    has_attributes_ = ::setxattr((source_ + "/plain").c_str(), "user.colour", "red", 3, 0) == 0 &&
                      ::setxattr((source_ + "/deep").c_str(), "user.empty", "", 0, 0) == 0;
    // An access list: user 1 may read. Version 2, then tag, permissions and id of each entry.
    const std::uint32_t acl[] = {2,          0x00060001, UINT32_MAX, 0x00040002,
                                 1,          0x00040004, UINT32_MAX, 0x00040010,
                                 UINT32_MAX, 0x00000020, UINT32_MAX};
    has_attributes_ = ::setxattr((source_ + "/deep/er/file").c_str(), "system.posix_acl_access",
                                 acl, sizeof(acl), 0) == 0 &&
                      has_attributes_;
    const timespec times[2] = {{0, UTIME_OMIT}, {1'000'000'000, 123'456'789}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (source_ + "/empty").c_str(), times, 0), 0);
    ASSERT_EQ(::utimensat(AT_FDCWD, (source_ + "/link").c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    ASSERT_EQ(::utimensat(AT_FDCWD, (source_ + "/deep").c_str(), times, 0), 0);
  }

  BackupOptions options() const {
    BackupOptions options;
    options.targets = {{source_, ""}};
    return options;
  }
  BackupSummary save(const BackupOptions& options) {
    const auto summary = backup(*repository_, options);
    EXPECT_TRUE(summary) << summary.error().to_string();
    return summary ? *summary : BackupSummary();
  }
  BackupSummary save() { return save(options()); }
  RestoreOptions restore_to(const BackupSummary& summary, const std::string& target) const {
    RestoreOptions options;
    options.snapshot = summary.snapshot;
    options.root = source_;
    options.target = target;
    options.verify = true;
    return options;
  }
  RestoreSummary bring_back(const RestoreOptions& options) {
    const auto summary = restore(*repository_, options);
    EXPECT_TRUE(summary) << summary.error().to_string();
    for (const Problem& problem : summary ? summary->problems : std::vector<Problem>()) {
      ADD_FAILURE() << problem.path << ": " << problem.message;
    }
    return summary ? *summary : RestoreSummary();
  }
  static std::string differences(const CompareReport& report) {
    std::string text;
    for (const Difference& difference : report.differences) {
      text += difference.path + ": " + difference.what + "\n";
    }
    for (const std::string& path : report.missing_paths) {
      text += "missing " + path + "\n";
    }
    for (const std::string& path : report.extra_paths) {
      text += "extra " + path + "\n";
    }
    for (const Problem& problem : report.problems) {
      text += problem.path + ": " + problem.message + "\n";
    }
    return text;
  }
  // Empty when both trees are the same in every respect.
  static std::string compare(const std::string& copy, const std::string& source) {
    const auto report = compare_directories(copy, source, {});
    return report ? differences(*report) : report.error().to_string();
  }
  std::vector<std::string> damage() {
    repo::CheckOptions everything;
    everything.read_data = repo::CheckOptions::ReadData::kAll;
    const auto report = repo::check(*repository_, everything);
    return report ? report->errors : std::vector<std::string>{report.error().to_string()};
  }

  static constexpr const char* kPassword = "correct horse";
  env::SystemClock clock_;
  env::SystemRandom random_;
  env::SimFileSystem memory_files_;
  env::PosixFileSystem disk_files_;
  std::string judge_folder_;
  std::string judged_;  // where the repository lies for the judge
  bool damaged_on_purpose_ = false;
  std::string root_;
  std::string source_;
  mutable bool has_attributes_ = false;
  repo::Environment environment_;
  std::unique_ptr<repo::Repository> repository_;
};

}  // namespace holdfast::backup

#include "core/env/file_system.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>

#include "core/env/posix/posix_file_system.h"
#include "core/env/sim/fault_file_system.h"
#include "core/env/sim/seeded_random.h"
#include "core/env/sim/sim_file_system.h"

namespace holdfast::env {
namespace {

std::string text_of(FileSystem& files, const std::string& path) {
  const auto data = read_file(files, path);
  return data ? std::string(as_text(*data)) : data.error().to_string();
}

Status write(FileSystem& files, const std::string& path, std::string_view text) {
  HF_TRY(const auto file, files.open(path, OpenMode::kTruncate));
  HF_TRY_VOID(file->append(as_bytes(text)));
  return file->close();
}

// The same behaviour from the machine's files and from the simulated ones.
template <class T>
class FileSystemContract : public testing::Test {
 protected:
  FileSystemContract() {
    std::string pattern = testing::TempDir() + "/hf_files_XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    EXPECT_TRUE(files_.make_directories(root_, 0700));
  }
  ~FileSystemContract() override { std::filesystem::remove_all(root_); }
  std::string at(const std::string& name) const { return root_ + "/" + name; }

  T files_;
  std::string root_;
};

using Implementations = testing::Types<PosixFileSystem, SimFileSystem>;
TYPED_TEST_SUITE(FileSystemContract, Implementations);

TYPED_TEST(FileSystemContract, ReadsBackWhatWasAppended) {
  ASSERT_TRUE(write(this->files_, this->at("a"), "hello"));
  const auto file = this->files_.open(this->at("a"), OpenMode::kAppend, 0600);
  ASSERT_TRUE(file && (*file)->append(as_bytes(" world")) && (*file)->sync());
  EXPECT_EQ(text_of(this->files_, this->at("a")), "hello world");
  EXPECT_EQ(this->files_.stat(this->at("a"))->size, 11u);
}

TYPED_TEST(FileSystemContract, ReadsAtAnOffsetUpToTheEnd) {
  ASSERT_TRUE(write(this->files_, this->at("a"), "0123456789"));
  const auto file = this->files_.open(this->at("a"), OpenMode::kRead, 0);
  Buffer out(4);
  EXPECT_EQ((*file)->read_at(8, out).value(), 2u);
  EXPECT_EQ(as_text(ByteSpan(out).first(2)), "89");
  EXPECT_EQ((*file)->read_at(50, out).value(), 0u);
}

TYPED_TEST(FileSystemContract, NamesWhatIsMissingOrPresent) {
  auto& files = this->files_;
  const auto open = [&](OpenMode mode) { return files.open(this->at("x"), mode, 0600); };
  EXPECT_EQ(open(OpenMode::kRead).error().code(), Code::kNotFound);
  EXPECT_TRUE(open(OpenMode::kCreateNew));
  EXPECT_EQ(open(OpenMode::kCreateNew).error().code(), Code::kAlreadyExists);
  EXPECT_EQ(files.remove(this->at("y")).error().code(), Code::kNotFound);
  EXPECT_EQ(files.list(this->at("y")).error().code(), Code::kNotFound);
  EXPECT_EQ(files.rename(this->at("y"), this->at("z")).error().code(), Code::kNotFound);
}

TYPED_TEST(FileSystemContract, ListsSortedAndMakesParents) {
  auto& files = this->files_;
  ASSERT_TRUE(files.make_directories(this->at("d/e"), 0700));
  ASSERT_TRUE(files.make_directories(this->at("d/e"), 0700));
  ASSERT_TRUE(write(files, this->at("d/b"), "1"));
  ASSERT_TRUE(write(files, this->at("d/a"), "2"));
  const auto entries = files.list(this->at("d"));
  ASSERT_EQ(entries->size(), 3u);
  EXPECT_EQ((*entries)[0].name, "a");
  EXPECT_EQ((*entries)[2].name, "e");
  EXPECT_EQ((*entries)[2].kind, FileKind::kDirectory);
  EXPECT_FALSE(files.remove(this->at("d")));
}

TYPED_TEST(FileSystemContract, RenameReplaces) {
  auto& files = this->files_;
  ASSERT_TRUE(write(files, this->at("old"), "1") && write(files, this->at("new"), "2"));
  ASSERT_TRUE(files.rename(this->at("new"), this->at("old")));
  EXPECT_EQ(text_of(files, this->at("old")), "2");
  EXPECT_FALSE(exists(files, this->at("new")));
}

TYPED_TEST(FileSystemContract, AtomicWriteLeavesNoTemporaryFile) {
  auto& files = this->files_;
  ASSERT_TRUE(write_file_atomically(files, this->at("f"), as_bytes("one"), {0400, "1"}));
  ASSERT_TRUE(write_file_atomically(files, this->at("f"), as_bytes("two"), {0400, "2"}));
  EXPECT_EQ(text_of(files, this->at("f")), "two");
  EXPECT_EQ(files.stat(this->at("f"))->permissions, 0400u);
  EXPECT_EQ(files.list(this->root_)->size(), 1u);
}

TYPED_TEST(FileSystemContract, TellsTheFreeSpaceOfWhatExists) {
  const auto space = this->files_.space(this->root_);
  ASSERT_TRUE(space);
  EXPECT_LE(space->available_bytes, space->total_bytes);
  EXPECT_EQ(this->files_.space(this->at("y")).error().code(), Code::kNotFound);
}

TEST(SimFileSystem, IsFullWhenItsFilesHaveTheCapacityTogether) {
  SimFileSystem files;
  ASSERT_TRUE(write(files, "/a", "12345"));
  EXPECT_EQ(files.space("/")->total_bytes, 0u);  // no limit, nothing to tell
  files.set_capacity(10);
  EXPECT_EQ(files.space("/")->available_bytes, 5u);
  EXPECT_EQ(write(files, "/b", "123456").error().code(), Code::kResourceExhausted);
  EXPECT_TRUE(write(files, "/b", "12345"));
  EXPECT_EQ(files.space("/")->available_bytes, 0u);
  ASSERT_TRUE(files.remove("/a"));
  EXPECT_EQ(files.space("/")->available_bytes, 5u);
}

TEST(SimFileSystem, KeepsSyncedFilesAndNamesOverACrash) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    SimFileSystem files;
    SeededRandom random(seed);
    ASSERT_TRUE(files.make_directories("/r", 0700) && files.sync_directory("/"));
    ASSERT_TRUE(write_file_atomically(files, "/r/a", as_bytes("safe"), {0600, "1"}));
    files.crash(random);
    ASSERT_EQ(text_of(files, "/r/a"), "safe") << "seed " << seed;
  }
}

TEST(SimFileSystem, LosesOrKeepsWhatWasNotSynced) {
  int lost = 0;
  int cut = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SimFileSystem files;
    SeededRandom random(seed);
    ASSERT_TRUE(files.make_directories("/r", 0700) && files.sync_directory("/"));
    ASSERT_TRUE(write(files, "/r/a", "never synced"));
    files.crash(random);
    lost += exists(files, "/r/a") ? 0 : 1;
    cut += exists(files, "/r/a") && text_of(files, "/r/a") != "never synced" ? 1 : 0;
  }
  EXPECT_GT(lost, 20);
  EXPECT_GT(cut, 20);
}

TEST(SimFileSystem, OpenFilesDieWithTheMachine) {
  SimFileSystem files;
  SeededRandom random(1);
  const auto file = files.open("/a", OpenMode::kCreateNew, 0600);
  files.crash(random);
  EXPECT_EQ((*file)->append(as_bytes("x")).error().code(), Code::kUnavailable);
}

TEST(FaultFileSystem, FailsEachOperationOfAnAtomicWriteOnceAndKeepsTheOldContent) {
  FaultPlan plan;
  const std::uint64_t faults = for_each_fault(plan, [&](std::uint64_t n) {
    SimFileSystem files;
    FaultFileSystem faulty(files, plan);
    ASSERT_TRUE(write_file_atomically(files, "/f", as_bytes("old"), {0600, "1"}));
    plan.fail_at(n);
    const Status written = write_file_atomically(faulty, "/f", as_bytes("new"), {0400, "2"});
    EXPECT_EQ(written.has_value(), !plan.fired());
    const std::string left = text_of(files, "/f");
    EXPECT_TRUE(left == "old" || left == "new") << left;
  });
  EXPECT_EQ(faults, 7u);  // open, append, sync, close, chmod, rename, sync of the folder
}

}  // namespace
}  // namespace holdfast::env

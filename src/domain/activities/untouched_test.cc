// On a real btrfs: what counts as untouched has the snapshot's bytes, whatever was done to the
// tree, and a proposal made with it is the one made by reading everything.
#include "domain/activities/untouched.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "core/env/sim/seeded_random.h"
#include "domain/activities/directory_copy.h"
#include "drivers/storage/btrfs/loop_mount.h"
#include "drivers/storage/btrfs/subvolume.h"
#include "engine/backup/local_tree.h"
#include "engine/backup/shared_blocks.h"

namespace holdfast::activities {
namespace {

namespace fs = std::filesystem;
constexpr size_t kPage = 4096;

std::string bytes_of(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Without truncating, so that the inode and its size stay.
void write_at(const fs::path& path, off_t offset, const std::string& bytes) {
  const backup::Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), offset),
            static_cast<ssize_t>(bytes.size()));
}

struct stat look(const fs::path& path) { return backup::stat_entry(path.string()).value(); }

// Gives the file the mtime that it had, as an intruder or `cp -p` does.
void set_mtime(const fs::path& path, const timespec& time) {
  const timespec times[2] = {{0, UTIME_OMIT}, time};
  EXPECT_EQ(::utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
}

// A write(2) of two pages that stops after the first: the second comes from memory that is not
// there before finish().
class StalledWrite {
 public:
  StalledWrite(const fs::path& path, char fill) : fill_(fill) {
    pages_ = map(2 * kPage);
    std::memset(pages_, fill, kPage);
    faults_ = backup::Descriptor(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC)));
    uffdio_api api{};
    api.api = UFFD_API;
    uffdio_register missing{};
    missing.range = {address(pages_ + kPage), kPage};
    missing.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (!faults_.valid() || ::ioctl(faults_.get(), UFFDIO_API, &api) != 0 ||
        ::ioctl(faults_.get(), UFFDIO_REGISTER, &missing) != 0) {
      return;
    }
    started_ = true;
    writer_ = std::thread([this, path] {
      const backup::Descriptor file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
      EXPECT_EQ(::pwrite(file.get(), pages_, 2 * kPage, 0), static_cast<ssize_t>(2 * kPage));
    });
    uffd_msg stopped{};
    EXPECT_EQ(::read(faults_.get(), &stopped, sizeof(stopped)),
              static_cast<ssize_t>(sizeof(stopped)));
  }
  ~StalledWrite() { ::munmap(pages_, 2 * kPage); }
  bool started() const { return started_; }
  void finish() {
    char* page = map(kPage);
    std::memset(page, fill_, kPage);
    uffdio_copy copy{};
    copy.dst = address(pages_ + kPage);
    copy.src = address(page);
    copy.len = kPage;
    EXPECT_EQ(::ioctl(faults_.get(), UFFDIO_COPY, &copy), 0);
    writer_.join();
    ::munmap(page, kPage);
  }

 private:
  static char* map(size_t size) {
    return static_cast<char*>(
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  }
  static std::uint64_t address(const char* at) { return reinterpret_cast<std::uint64_t>(at); }

  char fill_;
  bool started_ = false;
  char* pages_ = nullptr;
  backup::Descriptor faults_;
  std::thread writer_;
};

class UntouchedTest : public testing::Test {
 protected:
  void SetUp() override {
    const storage::LoopMount& mount = storage::LoopMount::instance();
    if (!mount.unavailable().empty()) {
      GTEST_SKIP() << mount.unavailable();
    }
    static int count = 0;
    top_ = mount.path() + "/untouched" + std::to_string(++count);
    fs::create_directory(top_);
    live_ = top_ / "live";
    kept_ = top_ / "kept";
    ASSERT_EQ(std::system(("btrfs -q subvolume create " + live_.string()).c_str()), 0);
  }
  void TearDown() override {
    for (const fs::path& tree : {kept_, live_}) {
      if (!tree.empty() && fs::exists(tree)) {
        EXPECT_TRUE(storage::btrfs::delete_subvolume(tree.string()));
      }
    }
  }

  // What was written before this is old enough to be trusted, nothing that is written after it.
  void let_age() {
    write(top_ / "clock", "");
    const UtcTime before = backup::time_of(look(top_ / "clock").st_ctim);
    UtcTime now = before;
    while (now <= before) {
      write_at(top_ / "clock", 0, "x");
      now = backup::time_of(look(top_ / "clock").st_ctim);
    }
    point_time_ = now + kTooFresh;
  }
  void take_snapshot() {
    const Status taken =
        storage::btrfs::create_snapshot(live_.string(), kept_.string(), /*read_only=*/true);
    ASSERT_TRUE(taken) << taken.error().to_string();
  }
  bool holds(const std::string& name, Witness witness = Witness::kBlocks) const {
    return Untouched(witness, kept_.string(), live_.string(), point_time_)
        .holds((kept_ / name).string(), look(kept_ / name), (live_ / name).string(),
               look(live_ / name));
  }

  fs::path top_;
  fs::path live_;
  fs::path kept_;
  UtcTime point_time_;
};

const std::string kText(10 * kPage, 'a');

TEST_F(UntouchedTest, AFileThatNobodyWroteNeedNotBeRead) {
  write(live_ / "a", kText);
  let_age();
  take_snapshot();
  EXPECT_EQ(witness_between(kept_.string(), live_.string()), Witness::kBlocks);
  EXPECT_TRUE(holds("a"));
  EXPECT_TRUE(holds("a", Witness::kServer));
  EXPECT_FALSE(holds("a", Witness::kNone));
  point_time_ = UtcTime();
  EXPECT_FALSE(holds("a")) << "when the snapshot was taken is not known";
}

TEST_F(UntouchedTest, AnotherKindOfFilesystemIsNoWitness) {
  EXPECT_EQ(witness_between("/proc", "/proc"), Witness::kNone);
  EXPECT_EQ(witness_between("/proc", live_.string()), Witness::kNone);
  EXPECT_EQ(witness_between((top_ / "nowhere").string(), live_.string()), Witness::kNone);
}

TEST_F(UntouchedTest, AChangeWithItsMtimeSetBackIsSeen) {
  write(live_ / "a", kText);
  let_age();
  take_snapshot();
  write_at(live_ / "a", 5000, "evil");
  set_mtime(live_ / "a", look(kept_ / "a").st_mtim);
  EXPECT_FALSE(holds("a"));
  EXPECT_FALSE(holds("a", Witness::kServer));
}

TEST_F(UntouchedTest, AFileWrittenJustBeforeTheSnapshotIsRead) {
  write(live_ / "a", kText);
  let_age();
  write_at(live_ / "a", 0, "fresh");
  take_snapshot();
  EXPECT_FALSE(holds("a"));
  EXPECT_FALSE(holds("a", Witness::kServer));
}

// Its ctime is that of its beginning, so snapshot and live file differ by nothing but bytes.
TEST_F(UntouchedTest, AWriteThatTheSnapshotCutInTwoIsSeenByTheBlocks) {
  write(live_ / "a", kText);
  StalledWrite halfway(live_ / "a", 'b');
  if (!halfway.started()) {
    GTEST_SKIP() << "needs userfaultfd";
  }
  let_age();
  take_snapshot();
  halfway.finish();
  ASSERT_NE(bytes_of(kept_ / "a"), bytes_of(live_ / "a"));
  EXPECT_TRUE(holds("a", Witness::kServer)) << "the ctime alone does not tell";
  EXPECT_FALSE(holds("a"));
}

TEST_F(UntouchedTest, AttributesThatTheClientRememberedAreAskedForOnceMore) {
  write(live_ / "a", kText);
  let_age();
  take_snapshot();
  const struct stat remembered = look(live_ / "a");
  write_at(live_ / "a", 0, "by another client");
  EXPECT_FALSE(
      Untouched(Witness::kServer, kept_.string(), live_.string(), point_time_)
          .holds((kept_ / "a").string(), look(kept_ / "a"), (live_ / "a").string(), remembered));
}

TEST_F(UntouchedTest, BlocksAreComparedToTheLastOne) {
  write(live_ / "a", "");
  for (off_t i = 0; i < 1200; ++i) {
    write_at(live_ / "a", i * 2 * static_cast<off_t>(kPage), std::string(kPage, 'x'));
  }
  take_snapshot();
  const auto share = [this] {
    return backup::share_all_blocks(backup::open_for_reading(kept_ / "a")->get(),
                                    backup::open_for_reading(live_ / "a")->get());
  };
  EXPECT_TRUE(share());
  write_at(live_ / "a", 1199 * 2 * static_cast<off_t>(kPage), "y");
  EXPECT_FALSE(share());
}

// A tree of files, and what may happen to one of them.
class RandomUntouched : public UntouchedTest {
 protected:
  RandomUntouched() : seed_(seed()), dice_(seed_) {}

  static std::uint64_t seed() {
    const char* text = std::getenv("HOLDFAST_SEED");
    return text ? std::strtoull(text, nullptr, 10) : 11;
  }
  std::uint64_t below(std::uint64_t end) { return dice_.below(end); }
  static std::string name(std::uint64_t i) { return "f" + std::to_string(i); }
  fs::path any() { return live_ / name(below(kFiles)); }
  std::string text(size_t size) {
    std::string out(size, static_cast<char>('a' + below(26)));
    for (size_t i = 0; i < size; i += 1000) {
      out[i] = static_cast<char>('a' + below(26));
    }
    return out;
  }
  void make_files() {
    static constexpr size_t kSizes[] = {0, 10, 2000, 5000, 70'000, 200'000};
    for (std::uint64_t i = 0; i < kFiles; ++i) {
      write(live_ / name(i), text(kSizes[below(std::size(kSizes))]));
    }
  }
  // Overwrites a byte or more in place, by write(2) or through a mapping.
  void scribble(const fs::path& path) {
    const auto size = static_cast<std::uint64_t>(look(path).st_size);
    if (size == 0) {
      return;
    }
    const std::uint64_t at = below(size);
    const std::string bytes = text(1 + below(std::min<std::uint64_t>(size - at, 9000)));
    if (below(3) != 0) {
      write_at(path, static_cast<off_t>(at), bytes);
      return;
    }
    const backup::Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    void* map = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    ASSERT_NE(map, MAP_FAILED);
    std::memcpy(static_cast<char*>(map) + at, bytes.data(), bytes.size());
    ::munmap(map, size);
  }
  void swap(const fs::path& a, const fs::path& b) {
    fs::rename(a, live_ / "between");
    if (a != b) {
      fs::rename(b, a);
    }
    fs::rename(live_ / "between", b);
  }
  void share_blocks(const fs::path& from, const fs::path& to) {
    const backup::Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
    const backup::Descriptor target(::open(to.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
    EXPECT_EQ(::ioctl(target.get(), FICLONE, source.get()), 0);
  }
  void change() {
    const fs::path path = any();
    if (!fs::exists(path)) {
      write(path, text(5000));
      return;
    }
    const struct stat before = look(path);
    switch (below(9)) {
      case 0:
        fs::remove(path);
        return;
      case 1:  // a new file in place of the old one
        fs::remove(path);
        write(path, text(static_cast<size_t>(before.st_size)));
        break;
      case 2:
        fs::permissions(path, fs::perms::owner_exec, fs::perm_options::add);
        break;
      case 3:
        if (const fs::path other = any(); fs::exists(other)) {
          swap(path, other);
        }
        break;
      case 4:
        if (const fs::path other = any(); fs::exists(other) && other != path) {
          share_blocks(other, path);
        }
        break;
      case 5:
        fs::resize_file(path, below(3) * static_cast<std::uint64_t>(before.st_size) / 2);
        break;
      default:
        scribble(path);
    }
    if (below(2) == 0) {
      set_mtime(path, before.st_mtim);
    }
  }
  void change_some(std::uint64_t most) {
    for (std::uint64_t i = below(most + 1); i > 0; --i) {
      change();
    }
  }
  // What counts as untouched must have the snapshot's bytes; the number of such files.
  size_t count_untouched(Witness witness) {
    const Untouched untouched(witness, kept_.string(), live_.string(), point_time_);
    size_t count = 0;
    for (const auto& entry : fs::directory_iterator(kept_)) {
      const fs::path live = live_ / entry.path().filename();
      if (fs::exists(live) &&
          untouched.holds(entry.path().string(), look(entry.path()), live.string(), look(live))) {
        ++count;
        EXPECT_EQ(bytes_of(entry.path()), bytes_of(live)) << live;
      }
    }
    return count;
  }

  static constexpr std::uint64_t kFiles = 24;
  const std::uint64_t seed_;
  env::SeededRandom dice_;
};

TEST_F(RandomUntouched, AProposalIsTheOneThatReadingEverythingMakes) {
  size_t untouched = 0;
  for (int round = 0; round < 25; ++round) {
    SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed_) + ", round " + std::to_string(round));
    make_files();
    let_age();
    change_some(8);  // in the same second as the snapshot
    take_snapshot();
    change_some(8);
    untouched += count_untouched(Witness::kBlocks);
    count_untouched(Witness::kServer);
    RestoreRequest request;
    request.snapshot_path = kept_.string();
    request.target = live_.string();
    request.means = "snapshot_restore";
    const Json slow = plan_directory_copy(request).value();
    request.point_time = point_time_;
    EXPECT_EQ(plan_directory_copy(request).value(), slow);
    if (HasFailure()) {
      return;
    }
    ASSERT_TRUE(storage::btrfs::delete_subvolume(kept_.string()));
  }
  EXPECT_GT(untouched, 100u) << "nothing was decided without reading";
}

}  // namespace
}  // namespace holdfast::activities

#include "engine/blob/local/local_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "core/env/posix/posix_file_system.h"
#include "core/env/sim/fault_file_system.h"
#include "core/env/sim/seeded_random.h"
#include "core/env/sim/sim_file_system.h"
#include "engine/blob/blob_store_contract.h"
#include "engine/blob/open_store.h"

namespace holdfast::blob {
namespace {

struct OnDisk {
  OnDisk() {
    std::string pattern = testing::TempDir() + "/hf_blob_XXXXXX";
    directory = ::mkdtemp(pattern.data());
    store = std::make_shared<LocalStore>(files, random, directory + "/repo");
  }
  ~OnDisk() { std::filesystem::remove_all(directory); }
  env::PosixFileSystem files;
  env::SeededRandom random{1};
  std::string directory;
  std::shared_ptr<BlobStore> store;
};

struct InMemory {
  env::SimFileSystem files;
  env::SeededRandom random{1};
  std::shared_ptr<BlobStore> store = std::make_shared<LocalStore>(files, random, "/repo");
};

using Makers = testing::Types<OnDisk, InMemory>;
INSTANTIATE_TYPED_TEST_SUITE_P(Local, BlobStoreContract, Makers);

class LocalStoreOnDisk : public testing::Test {
 protected:
  template <class T>
  T run(Co<T> co) {
    return async::block_on(io_.executor(), std::move(co));
  }
  async::Pool io_{"io", 1};
  OnDisk disk_;
};

class LocalStoreInMemory : public testing::Test {
 protected:
  LocalStoreInMemory() { EXPECT_TRUE(run(memory_.store->create())); }
  template <class T>
  T run(Co<T> co) {
    return async::block_on(io_.executor(), std::move(co));
  }
  Status put(ObjectType type, char name, const std::string& bytes) {
    return run(memory_.store->put({type, std::string(64, name)}, as_bytes(bytes)));
  }
  async::Pool io_{"io", 1};
  InMemory memory_;
};

TEST_F(LocalStoreOnDisk, HidesForeignNamesAndWritesReadOnlyFiles) {
  ASSERT_TRUE(run(disk_.store->create()));
  const ObjectKey key{ObjectType::kIndex, std::string(64, 'b')};
  ASSERT_TRUE(run(disk_.store->put(key, as_bytes("x"))));
  const std::string folder = disk_.directory + "/repo/index/";
  EXPECT_EQ(disk_.files.stat(folder + key.name)->permissions, 0400u);
  ASSERT_TRUE(disk_.files.open(folder + key.name + "-tmp-12", env::OpenMode::kCreateNew, 0600));
  ASSERT_TRUE(disk_.files.open(folder + "README", env::OpenMode::kCreateNew, 0600));
  EXPECT_EQ(run(disk_.store->list(ObjectType::kIndex))->size(), 1u);
}

TEST_F(LocalStoreOnDisk, MakesAVanishedPackFolderAgain) {
  ASSERT_TRUE(run(disk_.store->create()));
  ASSERT_TRUE(run(disk_.store->put({ObjectType::kConfig, ""}, as_bytes("c"))));
  std::filesystem::remove(disk_.directory + "/repo/data/ee");
  EXPECT_TRUE(run(disk_.store->put({ObjectType::kPack, std::string(64, 'e')}, as_bytes("x"))));
}

TEST(LocalStore, AFailedPutLeavesNothingThatListShows) {
  env::FaultPlan plan;
  async::Pool io("io", 1);
  const std::uint64_t faults = env::for_each_fault(plan, [&](std::uint64_t n) {
    env::SimFileSystem files;
    env::FaultFileSystem faulty(files, plan);
    env::SeededRandom random(1);
    LocalStore store(faulty, random, "/repo");
    ASSERT_TRUE(async::block_on(io.executor(), store.create()));
    plan.fail_at(n);
    const ObjectKey key{ObjectType::kSnapshot, std::string(64, 'c')};
    const Status put = async::block_on(io.executor(), store.put(key, as_bytes("content")));
    EXPECT_EQ(put.has_value(), !plan.fired());
    const auto listed = async::block_on(io.executor(), store.list(ObjectType::kSnapshot)).value();
    for (const ObjectInfo& info : listed) {
      EXPECT_EQ(info.size, 7u);  // whole, or not there
    }
  });
  EXPECT_EQ(faults, 7u);
}

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

TEST(LocalStore, KeepsAReserveThatFitsTheFileSystem) {
  EXPECT_EQ(pack_reserve(8 * kMiB), 4 * kMiB);
  EXPECT_EQ(pack_reserve(72 * kMiB), 9 * kMiB);
  EXPECT_EQ(pack_reserve(1024 * kMiB), 16 * kMiB);
  EXPECT_EQ(pack_reserve(10'000 * kMiB), 100 * kMiB);
  EXPECT_EQ(pack_reserve(10'000'000 * kMiB), 1024 * kMiB);
}

TEST_F(LocalStoreInMemory, RefusesAPackThatWouldTakeTheReserveAndTakesEverythingElse) {
  memory_.files.set_capacity(8 * kMiB);
  const std::string bytes(3 * kMiB, 'x');
  ASSERT_TRUE(put(ObjectType::kPack, 'a', bytes));
  const Status refused = put(ObjectType::kPack, 'b', bytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.error().retry(), Retry::kPermanent);
  EXPECT_EQ(refused.error().message(),
            "the file system of /repo has 5.0 MiB free, and 4.0 MiB of it are kept for indexes, "
            "locks and the state database: make room, or forget and prune snapshots");
  EXPECT_EQ(run(memory_.store->list(ObjectType::kPack))->size(), 1u);
  EXPECT_TRUE(put(ObjectType::kPack, 'c', bytes.substr(0, kMiB)));  // up to the reserve
  EXPECT_TRUE(put(ObjectType::kIndex, 'd', bytes));
}

TEST_F(LocalStoreInMemory, ADiskThatIsReallyFullIsPermanentAndLeavesNothing) {
  memory_.files.set_capacity(8 * kMiB);
  const std::string bytes(5 * kMiB, 'x');
  ASSERT_TRUE(put(ObjectType::kIndex, 'a', bytes));
  const std::uint64_t used = memory_.files.used_bytes();
  const Status refused = put(ObjectType::kIndex, 'b', bytes);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kResourceExhausted);
  EXPECT_EQ(refused.error().retry(), Retry::kPermanent);
  EXPECT_EQ(memory_.files.used_bytes(), used);
}

TEST_F(LocalStoreInMemory, WritersAtTheSameTimeLeaveTheReserveAndLoseNoRoom) {
  memory_.files.set_capacity(8 * kMiB);
  std::atomic<int> stored{0};
  std::vector<std::thread> writers;
  for (const char name : {'1', '2', '3', '4', '5', '6', '7', '8'}) {
    writers.emplace_back([&, name] {
      async::Pool io("io", 1);
      const std::string bytes(kMiB, name);
      const ObjectKey key{ObjectType::kPack, std::string(64, name)};
      stored += async::block_on(io.executor(), memory_.store->put(key, as_bytes(bytes))) ? 1 : 0;
    });
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(stored, 4);
  EXPECT_EQ(memory_.files.used_bytes(), 4 * kMiB);
}

TEST(OpenStore, TakesDirectoriesAndRefusesUnknownSchemes) {
  env::SimFileSystem files;
  env::SeededRandom random(1);
  EXPECT_EQ((*open_store("local:/srv/repo/", files, random))->location(), "/srv/repo");
  EXPECT_EQ((*open_store("backup/a:b", files, random))->location(), "backup/a:b");
  EXPECT_EQ(open_store("s3:bucket", files, random).error().code(), Code::kInvalidArgument);
  EXPECT_FALSE(open_store("", files, random));
}

}  // namespace
}  // namespace holdfast::blob

#include "engine/blob/local/local_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

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

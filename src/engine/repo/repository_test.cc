#include "engine/repo/repository.h"

#include <gtest/gtest.h>

#include "engine/repo/maintain.h"
#include "engine/repo/testing/test_repository.h"
#include "engine/repo/testing/wrapped_store.h"

namespace holdfast::repo {
namespace {

using std::chrono::minutes;

std::string only_file(TestWorld& world, const std::string& folder) {
  const auto entries = world.files.list(folder);
  EXPECT_EQ(entries->size(), 1u);
  return folder + "/" + entries->at(0).name;
}

// The one pack that holds data and the one that holds trees lie below data/xx.
std::vector<std::string> pack_files(TestWorld& world) {
  std::vector<std::string> paths;
  const auto folders = world.files.list("/repo/data");
  for (const auto& folder : *folders) {
    const std::string path = "/repo/data/" + folder.name;
    const auto files = world.files.list(path);
    for (const auto& file : *files) {
      paths.push_back(path + "/" + file.name);
    }
  }
  return paths;
}

TEST(Repository, OpensWithItsPasswordOnly) {
  TestWorld world;
  const auto made = world.init();
  ASSERT_TRUE(made) << made.error().to_string();
  const auto opened = world.open();
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->config().polynomial, (*made)->config().polynomial);
  EXPECT_EQ(world.init().error().code(), Code::kAlreadyExists);
  world.password = SecretString("wrong");
  EXPECT_EQ(world.open().error().code(), Code::kWrongPassword);
  EXPECT_EQ(world.open("/other").error().code(), Code::kNotFound);
}

TEST(Repository, ASecondKeyOpensItToo) {
  TestWorld world;
  auto repository = *world.init();
  const auto id = repository->add_key(SecretString("second"), {16, 1, 1});
  ASSERT_TRUE(id);
  world.password = SecretString("second");
  auto other = world.open();
  ASSERT_TRUE(other);
  EXPECT_EQ((*other)->keys()->size(), 2u);
  EXPECT_EQ((*other)->remove_key(*id).error().code(), Code::kFailedPrecondition);
  EXPECT_TRUE(repository->remove_key(id->substr(0, 10)));
  EXPECT_EQ(world.open().error().code(), Code::kWrongPassword);
}

TEST(Repository, ARememberedKeyOpensNothingThatItsPasswordOrFileDoesNot) {
  TestWorld world;
  world.environment.opened_keys = std::make_shared<OpenedKeys>();
  auto repository = *world.init();
  const auto second = repository->add_key(SecretString("second"), {16, 1, 1});
  ASSERT_TRUE(second);
  ASSERT_TRUE(world.open());
  world.password = SecretString("second");
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(world.open());
  ASSERT_TRUE(repository->remove_key(*second));
  EXPECT_EQ(world.open().error().code(), Code::kWrongPassword);
  world.password = SecretString("wrong");
  EXPECT_EQ(world.open().error().code(), Code::kWrongPassword);
}

TEST(OpenedKeys, AreFoundByTheBytesOfTheFileAndThePassword) {
  TestWorld world;
  OpenedKeys keys;
  const auto master = crypto::BoxKey::random(world.random);
  const SecretString password("one");
  keys.remember(as_bytes("file"), password, master);
  ASSERT_TRUE(keys.find(as_bytes("file"), password));
  EXPECT_EQ(keys.find(as_bytes("file"), password)->encrypt, master.encrypt);
  EXPECT_FALSE(keys.find(as_bytes("file"), SecretString("two")));
  EXPECT_FALSE(keys.find(as_bytes("files"), password));
}

TEST(Repository, StoresChunksOnce) {
  TestWorld world;
  auto repository = *world.init();
  ASSERT_TRUE(save_files(*repository, world, {"one", "two", "one"}));
  EXPECT_EQ(repository->index().chunk_count(ChunkKind::kData), 2u);
  const std::size_t packs = pack_files(world).size();
  ASSERT_TRUE(save_files(*repository, world, {"one", "two", "one"}));
  EXPECT_EQ(pack_files(world).size(), packs);
  EXPECT_EQ(damage(*repository), std::vector<std::string>());
  EXPECT_EQ(repository->snapshots()->size(), 2u);
}

TEST(Repository, FindsSnapshotsByBeginningAndLatest) {
  TestWorld world;
  auto repository = *world.init();
  EXPECT_EQ(repository->find_snapshot("latest").error().code(), Code::kNotFound);
  const SnapshotId first = *save_files(*repository, world, {"1"});
  const SnapshotId second = *save_files(*repository, world, {"2"});
  EXPECT_EQ(repository->find_snapshot(first.hex().substr(0, 12))->id, first);
  EXPECT_EQ(repository->find_snapshot("latest")->id, second);
  EXPECT_EQ(repository->find_snapshot("").error().code(), Code::kNotFound);
  EXPECT_EQ(repository->find_snapshot("zz").error().code(), Code::kNotFound);
}

TEST(Repository, RefusesANewerVersionInOneSentence) {
  TestWorld world;
  auto repository = *world.init();
  const std::string config = R"({"version":3,"id":"x","chunker_polynomial":"25b468838dcb75"})";
  Buffer box;
  crypto::seal(repository->key(), world.random, as_bytes(config), box);
  const auto file = world.files.open("/repo/config", env::OpenMode::kTruncate, 0600);
  ASSERT_TRUE((*file)->append(box));
  const auto opened = world.open();
  EXPECT_EQ(opened.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(opened.error().message().find("version 3"), std::string::npos);
}

TEST(Repository, ReadsUncompressedFilesOfOldVersions) {
  TestWorld world;
  auto repository = *world.init();
  const std::string text =
      R"({"time":"2026-01-01T00:00:00Z","tree":")" + std::string(64, 'a') + R"(","paths":["/x"]})";
  Buffer box;
  crypto::seal(repository->key(), world.random, as_bytes(text), box);
  const std::string id = crypto::sha256_hex(box);
  ASSERT_TRUE(repository->put({blob::ObjectType::kSnapshot, id}, box));
  EXPECT_EQ(repository->find_snapshot(id)->paths[0], "/x");
}

TEST(Check, FindsEachFlippedByteOfAnything) {
  for (const char* folder : {"/repo/index", "/repo/snapshots"}) {
    TestWorld world;
    auto repository = *world.init();
    ASSERT_TRUE(save_files(*repository, world, {"content"}));
    ASSERT_TRUE(world.files.corrupt(only_file(world, folder), 40));
    EXPECT_NE(damage(*repository), std::vector<std::string>()) << folder;
  }
  TestWorld world;
  auto repository = *world.init();
  ASSERT_TRUE(save_files(*repository, world, {"content"}));
  for (const std::string& pack : pack_files(world)) {
    const std::uint64_t size = world.files.stat(pack)->size;
    for (std::uint64_t at = 0; at < size; at += 7) {
      ASSERT_TRUE(world.files.corrupt(pack, at));
      EXPECT_NE(damage(*repository), std::vector<std::string>()) << pack << " at " << at;
      ASSERT_TRUE(world.files.corrupt(pack, at));
    }
  }
  EXPECT_EQ(damage(*repository), std::vector<std::string>());
}

TEST(Check, FindsAMissingPackWithoutReadingData) {
  TestWorld world;
  auto repository = *world.init();
  ASSERT_TRUE(save_files(*repository, world, {"content"}));
  ASSERT_TRUE(world.files.remove(pack_files(world)[0]));
  EXPECT_FALSE(check(*repository, {})->ok());
}

TEST(Check, ReadsOnlyTheChosenPacks) {
  TestWorld world;
  auto repository = *world.init();
  const SnapshotId first = *save_files(*repository, world, {"one"});
  const SnapshotId second = *save_files(*repository, world, {"one", "two"});
  const auto fresh = packs_of(*repository, second, {first});
  ASSERT_TRUE(fresh);
  EXPECT_EQ(fresh->size(), 2u);  // its data and its tree
  CheckOptions options;
  options.read_data = CheckOptions::ReadData::kChosen;
  options.packs = *fresh;
  const auto report = check(*repository, options);
  EXPECT_TRUE(report->ok());
  EXPECT_EQ(report->packs_read, 2u);
  EXPECT_EQ(packs_of(*repository, second)->size(), 3u);
}

TEST(Lock, SharedOnesStandTogetherAnExclusiveOneAlone) {
  TestWorld world;
  auto repository = *world.init();
  {
    const auto a = repository->lock(LockKind::kShared);
    const auto b = repository->lock(LockKind::kShared);
    EXPECT_TRUE(a && b);
    EXPECT_EQ(repository->lock(LockKind::kExclusive).error().code(), Code::kConflict);
  }
  const auto alone = repository->lock(LockKind::kExclusive);
  EXPECT_TRUE(alone);
  EXPECT_EQ(repository->lock(LockKind::kShared).error().code(), Code::kConflict);
  EXPECT_EQ(world.files.list("/repo/locks")->size(), 1u);
}

TEST(Lock, OfADeadProcessOfThisHostIsRemoved) {
  TestWorld world;
  auto repository = *world.init();
  LockRecord record;
  record.time = world.clock.now();
  record.exclusive = true;
  record.host = "testhost";
  record.pid = 99;
  ASSERT_TRUE(repository->save_unpacked(blob::ObjectType::kLock, to_json(record)));
  EXPECT_TRUE(repository->lock(LockKind::kExclusive));
  record.host = "elsewhere";
  ASSERT_TRUE(repository->save_unpacked(blob::ObjectType::kLock, to_json(record)));
  EXPECT_EQ(repository->lock(LockKind::kShared).error().code(), Code::kConflict);
  EXPECT_EQ(repository->unlock(/*all=*/false).value(), 0);
  world.clock.advance(minutes(31));
  EXPECT_EQ(repository->unlock(/*all=*/false).value(), 1);
}

TEST(Lock, IsWrittenAnewEveryFiveMinutesAndLostWhenItCannotBe) {
  TestWorld world;
  auto repository = *world.init();
  auto lock = *repository->lock(LockKind::kShared);
  const std::string before = only_file(world, "/repo/locks");
  world.clock.advance(minutes(5));
  while (world.clock.pending() == 0) {  // the refresh runs on its own thread
    std::this_thread::yield();
  }
  EXPECT_NE(only_file(world, "/repo/locks"), before);
  world.plan.fail_at(1, env::FaultPlan::Lasting::kFromThenOn);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(lock->lost());
    world.clock.advance(minutes(5));
    while (world.clock.pending() == 0) {
      std::this_thread::yield();
    }
  }
  EXPECT_TRUE(lock->lost());
  world.plan.fail_at(0);
  lock.reset();
  EXPECT_EQ(world.files.list("/repo/locks")->size(), 0u);
}

// Stores index files, and says that the disk was full.
class StoresIndexAndFails final : public WrappedStore {
 public:
  using WrappedStore::WrappedStore;
  blob::Co<Status> put(blob::ObjectKey key, ByteSpan data) override {
    const bool index = key.type == blob::ObjectType::kIndex;
    HF_CO_TRY_VOID(co_await inner().put(std::move(key), data));
    co_return index ? Status(Error(Code::kResourceExhausted, "full")) : Status();
  }
};

TEST(ChunkWriter, NeverRemovesWhatAnIndexListsThatOthersMayHaveRead) {
  TestWorld world;
  ASSERT_TRUE(world.init());
  const auto store = std::make_shared<StoresIndexAndFails>(world.store());
  const auto repository = *Repository::open(store, world.password, world.environment);
  EXPECT_EQ(save_files(*repository, world, {"one", "two"}).error().code(),
            Code::kResourceExhausted);
  const auto other = *world.open();
  ASSERT_TRUE(other->load_index());
  const ChunkId id{crypto::digest_of(as_bytes("one"))};
  EXPECT_TRUE(other->load_chunk(ChunkKind::kData, id));
  EXPECT_EQ(damage(*other), std::vector<std::string>());
}

TEST(ChunkWriter, UsesTheMemoryOfAFewPacksAgain) {
  TestWorld world;
  const auto repository = *world.init();
  ASSERT_TRUE(repository->load_index());
  const WriterOptions options{.workers = 3, .uploads = 2, .pack_size = 10'000};
  ChunkWriter writer(*repository, options);
  for (int i = 0; i < 60; ++i) {
    Buffer bytes(6'000);
    world.random.fill(bytes);
    writer.save_later(i % 2 == 0 ? ChunkKind::kData : ChunkKind::kTree, std::move(bytes),
                      [](const Result<SavedChunk>& saved) { EXPECT_TRUE(saved); });
  }
  ASSERT_TRUE(writer.finish());
  EXPECT_EQ(writer.stored_packs().size(), 30u);
  EXPECT_LE(writer.totals().pack_buffers, 4u);  // one open a kind, one an upload
  EXPECT_EQ(damage(*repository), std::vector<std::string>());
}

class ChunkWriterLooksAgain : public testing::Test {
 protected:
  ChunkWriterLooksAgain() : repository_(*world_.init()) {
    EXPECT_TRUE(repository_->load_index());
    entry_.id = ChunkId{crypto::digest_of(as_bytes("content"))};
    entry_.length = 7 + crypto::kBoxOverhead;
  }
  // What the writer says to a chunk of this box, and that it stored nothing when it refused.
  Status store(ByteSpan box) {
    Status done;
    {
      ChunkWriter writer(*repository_, {});
      EXPECT_TRUE(writer.save_box(entry_, box));
      done = writer.finish();
    }
    const std::size_t packs = repository_->list(blob::ObjectType::kPack)->size();
    EXPECT_EQ(packs, done ? 1u : 0u);
    EXPECT_EQ(repository_->list(blob::ObjectType::kIndex)->size(), packs);
    return done;
  }
  Buffer sealed(const crypto::BoxKey& key, std::string_view text) {
    Buffer box;
    crypto::seal(key, world_.random, as_bytes(text), box);
    return box;
  }

  TestWorld world_;
  std::unique_ptr<Repository> repository_;
  PackEntry entry_;
};

TEST_F(ChunkWriterLooksAgain, AtWhatIsRight) {
  EXPECT_TRUE(store(sealed(repository_->key(), "content")));
}

TEST_F(ChunkWriterLooksAgain, AndStoresNoPackInWhichABitHasChanged) {
  const Buffer box = sealed(repository_->key(), "content");
  for (std::size_t bit = 0; bit < box.size() * 8; bit += 13) {
    Buffer changed = box;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1u << bit % 8);
    const Status refused = store(changed);
    ASSERT_FALSE(refused) << "bit " << bit;
    EXPECT_EQ(refused.error().code(), Code::kDataLoss);
    EXPECT_NE(refused.error().message().find("test the memory"), std::string::npos);
  }
}

TEST_F(ChunkWriterLooksAgain, AndStoresNoPackOfAnotherKeyOrAnotherChunk) {
  EXPECT_FALSE(store(sealed(crypto::BoxKey::random(world_.random), "content")));
  EXPECT_FALSE(store(sealed(repository_->key(), "CONTENT")));
}

}  // namespace
}  // namespace holdfast::repo

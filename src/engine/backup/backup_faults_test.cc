// The whole pipeline over a store whose operations fail one by one, or that loses power.
#include <map>
#include <set>
#include <thread>

#include "core/env/sim/fault_file_system.h"
#include "engine/backup/testing/tree_fixture.h"
#include "engine/repo/chunk_writer.h"

namespace holdfast::backup {
namespace {

class SlowBackupFaults : public TreeTest {
 protected:
  struct World {
    env::SimFileSystem files;
    env::FaultPlan plan;
    env::FaultFileSystem faulty{files, plan};
    env::SeededRandom random{1};

    Result<std::unique_ptr<repo::Repository>> open(const repo::Environment& environment,
                                                   bool make = false) {
      auto store = std::make_shared<blob::LocalStore>(faulty, random, "/repo");
      const SecretString password(kPassword);
      return make ? repo::Repository::init(store, password, environment,
                                           {.polynomial = {}, .cost = {16, 1, 1}})
                  : repo::Repository::open(store, password, environment);
    }
  };

  BackupOptions many_packs() const {
    BackupOptions options = TreeTest::options();
    options.writer.pack_size = 20'000;
    return options;
  }

  // A first snapshot, then a changed source.
  void prepare(World& world) {
    std::filesystem::remove_all(source_);
    for (int i = 0; i < 6; ++i) {
      write("folder" + std::to_string(i % 2) + "/" + std::to_string(i),
            noise(static_cast<std::uint64_t>(i), 10'000));
    }
    auto repository = world.open(environment_, /*make=*/true);
    ASSERT_TRUE(repository);
    ASSERT_TRUE(backup(**repository, many_packs()));
    write("folder0/new", noise(77, 30'000));
  }

  // Packs that no index lists, and chunks that lie in more than one pack.
  struct Waste {
    std::size_t unindexed = 0;
    std::size_t doubled = 0;
  };
  static Waste waste(repo::Repository& repository) {
    const auto indexes = repository.read_index_files();
    EXPECT_TRUE(indexes);
    std::map<repo::PackId, std::vector<repo::PackEntry>> packs;
    for (const repo::LoadedIndex& index : *indexes) {
      for (const repo::IndexedPack& pack : index.packs) {
        packs[pack.id] = pack.entries;
      }
    }
    Waste found;
    const auto files = repository.list(blob::ObjectType::kPack);
    for (const blob::ObjectInfo& file : *files) {
      found.unindexed += packs.contains(*repo::PackId::parse(file.key.name)) ? 0 : 1;
    }
    std::set<repo::ChunkId> chunks;
    for (const auto& [id, entries] : packs) {
      for (const repo::PackEntry& entry : entries) {
        found.doubled += chunks.insert(entry.id).second ? 0 : 1;
      }
    }
    return found;
  }

  // Fails each operation of the second backup once.
  template <class Check>
  void for_each_single_fault(bool disk_full, Check check) {
    for (std::uint64_t n = 1;; ++n) {
      World world;
      prepare(world);
      bool done = false;
      {
        auto repository = *world.open(environment_);
        world.plan.disk_full(disk_full);
        world.plan.fail_at(n);
        done = backup(*repository, many_packs()).has_value();
      }
      const bool fired = world.plan.fired();
      world.plan.fail_at(0);
      check(world, done, "fault " + std::to_string(n));
      if (!fired) {
        EXPECT_GT(n, 30u);
        break;
      }
    }
  }

  void expect_sound(World& world, bool second_done, const std::string& what) {
    auto repository = world.open(environment_);
    ASSERT_TRUE(repository) << what;
    repo::CheckOptions everything;
    everything.read_data = repo::CheckOptions::ReadData::kAll;
    const auto report = repo::check(**repository, everything);
    ASSERT_TRUE(report && report->ok()) << what << ": " << (report ? report->errors[0] : "");
    const auto snapshots = (*repository)->snapshots();
    ASSERT_GE(snapshots->size(), second_done ? 2u : 1u) << what;
    ASSERT_TRUE((*repository)->unlock(/*all=*/true));
    const auto again = backup(**repository, many_packs());
    ASSERT_TRUE(again) << what << ": " << again.error().to_string();
    const auto same = compare_snapshot(**repository, again->snapshot, source_, source_, {});
    EXPECT_TRUE(same && same->same()) << what;
  }
};

TEST_F(SlowBackupFaults, AreReportedAndTheNextBackupIsWhole) {
  for (const auto lasting :
       {env::FaultPlan::Lasting::kOnce, env::FaultPlan::Lasting::kFromThenOn}) {
    for (std::uint64_t n = 1;; ++n) {
      World world;
      prepare(world);
      bool done = false;
      {
        auto repository = *world.open(environment_);
        world.plan.fail_at(n, lasting);
        done = backup(*repository, many_packs()).has_value();
      }
      const bool fired = world.plan.fired();
      world.plan.fail_at(0);
      EXPECT_TRUE(done || fired);
      expect_sound(world, done, "fault " + std::to_string(n));
      if (!fired) {
        EXPECT_GT(n, 30u);
        break;
      }
    }
  }
}

TEST_F(SlowBackupFaults, LeaveNoPackWithoutAnIndexAndNoChunkIsStoredTwice) {
  for_each_single_fault(/*disk_full=*/false, [&](World& world, bool done, const std::string& what) {
    {
      auto repository = *world.open(environment_);
      EXPECT_EQ(waste(*repository).unindexed, 0u) << what;
    }
    expect_sound(world, done, what);
    auto repository = *world.open(environment_);
    EXPECT_EQ(waste(*repository).doubled, 0u) << what;  // the next try found what was stored
  });
}

TEST_F(SlowBackupFaults, OfAFullDiskLeaveNoPackWithoutAnIndex) {
  for_each_single_fault(/*disk_full=*/true, [&](World& world, bool done, const std::string& what) {
    {
      auto repository = *world.open(environment_);
      EXPECT_EQ(waste(*repository).unindexed, 0u) << what;
    }
    expect_sound(world, done, what);
  });
}

TEST_F(SlowBackupFaults, ADiskThatFillsUpIsAsBeforeWhenTheBackupHasFailed) {
  constexpr std::uint64_t kReserve = 4u << 20;
  for (std::uint64_t room = 0;; room += 7'000) {
    World world;
    prepare(world);
    for (std::uint64_t i = 0; i < 4; ++i) {
      write("folder1/more" + std::to_string(i), noise(200 + i, 25'000));
    }
    const std::uint64_t used = world.files.used_bytes();
    world.files.set_capacity(used + kReserve + room);
    {
      auto repository = *world.open(environment_);
      const auto done = backup(*repository, many_packs());
      if (done) {
        EXPECT_GT(room, 130'000u);  // the new files cannot be compressed
        return;
      }
      EXPECT_EQ(done.error().code(), Code::kResourceExhausted) << room;
      EXPECT_EQ(done.error().retry(), Retry::kPermanent) << room;
    }
    EXPECT_EQ(world.files.used_bytes(), used) << room;
    world.files.set_capacity(0);
    expect_sound(world, /*second_done=*/false, "room " + std::to_string(room));
  }
}

TEST_F(SlowBackupFaults, AStoppedCopyLeavesAnIndexOfWhatItStored) {
  World world;
  prepare(world);
  auto repository = *world.open(environment_);
  ASSERT_TRUE(repository->load_index());
  {
    repo::ChunkWriter writer(*repository, {.pack_size = 20'000});
    for (std::uint64_t i = 100; i < 110; ++i) {
      ASSERT_TRUE(writer.save(repo::ChunkKind::kData, as_bytes(noise(i, 30'000))));
    }
    while (writer.stored_packs().empty()) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(waste(*repository).unindexed, 0u);
}

TEST_F(SlowBackupFaults, ACrashAtAnyPointKeepsWhatWasAcknowledged) {
  for (std::uint64_t n = 1;; n += 3) {
    World world;
    prepare(world);
    bool done = false;
    {
      auto repository = *world.open(environment_);
      world.plan.fail_at(n, env::FaultPlan::Lasting::kFromThenOn);
      done = backup(*repository, many_packs()).has_value();
      world.files.crash(world.random);
    }
    const bool fired = world.plan.fired();
    world.plan.fail_at(0);
    expect_sound(world, done, "crash " + std::to_string(n));
    if (!fired) {
      break;
    }
  }
}

}  // namespace
}  // namespace holdfast::backup

// The whole pipeline over a store whose operations fail one by one, or that loses power.
#include "core/env/sim/fault_file_system.h"
#include "engine/backup/testing/tree_fixture.h"

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

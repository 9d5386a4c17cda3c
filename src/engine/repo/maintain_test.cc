#include "engine/repo/maintain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "engine/repo/testing/test_repository.h"
#include "engine/repo/testing/wrapped_store.h"

namespace holdfast::repo {
namespace {

using std::chrono::hours;

std::string random_text(TestWorld& world, std::size_t size) {
  const Buffer bytes = crypto::random_bytes(world.random, size);
  return std::string(as_text(bytes));
}

std::uint64_t stored_bytes(Repository& repository) {
  return stats(repository, {})->repository_bytes;
}

// Every chunk of every snapshot can be read.
void expect_readable(Repository& repository, std::size_t snapshots) {
  ASSERT_EQ(damage(repository), std::vector<std::string>());
  const auto all = repository.snapshots();
  ASSERT_EQ(all->size(), snapshots);
  for (const Snapshot& snapshot : *all) {
    const Tree tree = *repository.load_tree(snapshot.tree);
    for (const Node& node : tree.nodes) {
      EXPECT_TRUE(repository.load_chunk(ChunkKind::kData, node.content->at(0)));
    }
  }
}

TEST(Forget, RemovesSnapshotsAndLeavesTheOthers) {
  TestWorld world;
  auto repository = *world.init();
  const SnapshotId first = *save_files(*repository, world, {"1"});
  const SnapshotId second = *save_files(*repository, world, {"2"});
  ASSERT_TRUE(forget(*repository, {first}));
  EXPECT_EQ(repository->snapshots()->at(0).id, second);
}

TEST(KeepPolicy, KeepsTheNewestOfEachPeriod) {
  std::vector<Snapshot> all;
  const UtcTime newest(std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + hours(12));
  for (int i = 0; i < 24 * 40; ++i) {  // hourly over 40 days
    Snapshot snapshot;
    snapshot.time = newest - hours(i);
    all.push_back(snapshot);
  }
  KeepPolicy policy;
  EXPECT_EQ(apply_keep_policy(all, policy).remove.size(), 0u);
  policy.last = 3;
  EXPECT_EQ(apply_keep_policy(all, policy).keep.size(), 3u);
  policy.daily = 7;
  const auto kept = apply_keep_policy(all, policy).keep;
  EXPECT_EQ(kept.size(), 3u + 6);
  EXPECT_EQ(kept[3].time, newest - hours(13));  // 23:00 the day before
  policy = {};
  policy.weekly = 2;
  policy.monthly = 2;
  EXPECT_EQ(apply_keep_policy(all, policy).keep.size(), 3u);  // newest, last Sunday, October
  policy = {};
  policy.within = hours(5);
  EXPECT_EQ(apply_keep_policy(all, policy).keep.size(), 6u);
}

TEST(Prune, GivesBackTheSpaceOfWhatIsForgotten) {
  TestWorld world;
  auto repository = *world.init();
  const std::string kept = random_text(world, 30'000);
  const SnapshotId first = *save_files(*repository, world, {kept, random_text(world, 50'000)});
  ASSERT_TRUE(save_files(*repository, world, {kept}));
  ASSERT_TRUE(forget(*repository, {first}));
  const std::uint64_t before = stored_bytes(*repository);
  PruneOptions dry;
  dry.dry_run = true;
  EXPECT_GT(prune(*repository, dry)->removed_bytes, 50'000u);
  EXPECT_EQ(stored_bytes(*repository), before);
  const auto report = prune(*repository, {});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->packs_repacked, 1u);
  EXPECT_LT(stored_bytes(*repository), 35'000u);
  expect_readable(*repository, 1);
  EXPECT_EQ(prune(*repository, {})->removed_bytes, 0u);
}

TEST(Prune, LeavesALittleRubbishWhereItIs) {
  TestWorld world;
  auto repository = *world.init();
  const std::string kept = random_text(world, 100'000);
  const SnapshotId first = *save_files(*repository, world, {kept, random_text(world, 5'000)});
  ASSERT_TRUE(save_files(*repository, world, {kept}));
  ASSERT_TRUE(forget(*repository, {first}));
  const auto report = prune(*repository, {});
  EXPECT_EQ(report->packs_repacked, 0u);
  EXPECT_GT(report->unused_bytes_after, 5'000u);
  PruneOptions all;
  all.max_unused_ratio = 0;
  EXPECT_EQ(prune(*repository, all)->unused_bytes_after, 0u);
  expect_readable(*repository, 1);
}

TEST(Prune, RemovesPacksThatAnInterruptedRunLeft) {
  TestWorld world;
  auto repository = *world.init();
  ASSERT_TRUE(save_files(*repository, world, {"kept"}));
  const std::uint64_t before = stored_bytes(*repository);
  const Buffer rubbish(1000, 1);
  ASSERT_TRUE(repository->put({blob::ObjectType::kPack, crypto::sha256_hex(rubbish)}, rubbish));
  ASSERT_TRUE(prune(*repository, {}));
  EXPECT_EQ(stored_bytes(*repository), before);
}

// A store that does something before the n-th lock is written: 1 is prune's shared lock, 2 the
// exclusive one.
class BeforeLock final : public WrappedStore {
 public:
  BeforeLock(std::shared_ptr<blob::BlobStore> inner, int n, std::function<void()> work)
      : WrappedStore(std::move(inner)), left_(n), work_(std::move(work)) {}
  blob::Co<Status> put(blob::ObjectKey key, ByteSpan data) override {
    if (key.type == blob::ObjectType::kLock && --left_ == 0) {
      work_();
    }
    return WrappedStore::put(std::move(key), data);
  }

 private:
  std::atomic<int> left_;
  std::function<void()> work_;
};

class PruneInTwoPhases : public testing::Test {
 protected:
  // Rubbish in a pack of its own, and in one with chunks that stay.
  PruneInTwoPhases() : other_(*world_.init()) {
    rubbish_ = random_text(world_, 50'000);
    half_ = random_text(world_, 20'000);
    kept_ = random_text(world_, 30'000);
    const SnapshotId first = *save_files(*other_, world_, {rubbish_});
    const SnapshotId second = *save_files(*other_, world_, {kept_, half_});
    EXPECT_TRUE(save_files(*other_, world_, {kept_}));
    EXPECT_TRUE(forget(*other_, {first, second}));
  }
  // Prunes while `meanwhile` happens between the phases.
  Result<PruneReport> prune_while(std::function<void()> meanwhile) {
    const auto store = std::make_shared<BeforeLock>(world_.store(), 2, std::move(meanwhile));
    const auto repository = *Repository::open(store, world_.password, world_.environment);
    PruneOptions all;
    all.max_unused_ratio = 0;
    return prune(*repository, all);
  }

  TestWorld world_;
  std::unique_ptr<Repository> other_;
  std::string rubbish_;
  std::string half_;
  std::string kept_;
};

TEST_F(PruneInTwoPhases, GivesBackBothKindsOfRubbish) {
  const auto report = prune_while([] {});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->packs_repacked, 1u);
  EXPECT_LT(stored_bytes(*other_), 35'000u);
  expect_readable(*other_, 1);
}

TEST_F(PruneInTwoPhases, LeavesWhatABackupHasComeToNeed) {
  const auto report = prune_while(
      [&] { EXPECT_TRUE(save_files(*other_, world_, {rubbish_, half_, "something new"})); });
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->packs_repacked, 0u);
  expect_readable(*other_, 2);
  PruneOptions all;
  all.max_unused_ratio = 0;
  ASSERT_TRUE(prune(*other_, all));  // the copies of what stays are given back
  EXPECT_LT(stored_bytes(*other_), 105'000u);
  expect_readable(*other_, 2);
}

TEST_F(PruneInTwoPhases, StandsAnotherPruneBetweenThem) {
  const auto report = prune_while([&] {
    const SnapshotId added = *save_files(*other_, world_, {"short-lived"});
    const auto all = *other_->snapshots();
    ASSERT_TRUE(save_files(*other_, world_, {"the last"}));
    ASSERT_TRUE(forget(*other_, {all[0].id, added}));
    PruneOptions options;
    options.max_unused_ratio = 0;
    ASSERT_TRUE(prune(*other_, options));
  });
  ASSERT_TRUE(report) << report.error().to_string();
  expect_readable(*other_, 1);
}

TEST_F(PruneInTwoPhases, CopiesBesideABackupAndRemovesNothingThen) {
  const std::uint64_t before = stored_bytes(*other_);
  {
    const auto lock = other_->lock(LockKind::kShared);
    ASSERT_TRUE(lock);
    const auto refused = prune_while([] {});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kConflict);
    EXPECT_GT(stored_bytes(*other_), before);
    expect_readable(*other_, 1);
  }
  const auto report = prune_while([] {});
  ASSERT_TRUE(report) << report.error().to_string();
  EXPECT_EQ(report->repacked_bytes, 0u);  // that was done the first time
  EXPECT_LT(stored_bytes(*other_), 35'000u);
  expect_readable(*other_, 1);
}

TEST(Prune, TouchesNothingWhenAChunkIsMissing) {
  TestWorld world;
  auto repository = *world.init();
  ASSERT_TRUE(save_files(*repository, world, {"one"}));
  const auto packs = repository->list(blob::ObjectType::kPack);
  for (const auto& pack : *packs) {
    if (pack.key.name ==
        repository->find_chunk(ChunkKind::kData, ChunkId{crypto::digest_of(as_bytes("one"))})
            ->pack.hex()) {
      ASSERT_TRUE(repository->remove(pack.key));
    }
  }
  EXPECT_EQ(prune(*repository, {}).error().code(), Code::kDataLoss);
  EXPECT_EQ(repository->list(blob::ObjectType::kPack)->size(), 1u);
}

TEST(Copy, CarriesSnapshotsOverOnceWithTheirOrigin) {
  TestWorld world;
  auto from = *world.init("/from");
  auto to = *world.init("/to", from->config().polynomial);
  const SnapshotId first = *save_files(*from, world, {"one", "two"});
  const SnapshotId second = *save_files(*from, world, {"one", "three"});
  const auto copied = copy(*from, *to, {first, second});
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(copied->copied.size(), 2u);
  EXPECT_EQ(copied->chunks, 3u + 2);
  EXPECT_EQ(to->snapshot(copied->copied[0])->original, first);
  EXPECT_EQ(to->snapshot(copied->copied[0])->tree, from->snapshot(first)->tree);
  expect_readable(*to, 2);
  EXPECT_EQ(copy(*from, *to, {first, second})->skipped.size(), 2u);
}

TEST(Stats, CountsWhatIsStoredAndWhatComesBack) {
  TestWorld world;
  auto repository = *world.init();
  ASSERT_TRUE(save_files(*repository, world, {std::string(5000, 'a'), "two"}));
  ASSERT_TRUE(save_files(*repository, world, {std::string(5000, 'a')}));
  const auto all = stats(*repository, {});
  EXPECT_EQ(all->snapshots, 2u);
  EXPECT_EQ(all->restore_bytes, 5003u + 5000);
  EXPECT_EQ(all->restore_files, 3u);
  EXPECT_EQ(all->raw_chunks, 4u);
  EXPECT_LT(all->raw_stored_bytes, all->raw_plain_bytes);
}

// --- every operation fails once, and from then on; afterwards nothing is lost

struct FaultCase {
  const char* name;
  Status (*work)(Repository&, Repository&, TestWorld&);
};

Status do_save(Repository& repository, Repository&, TestWorld& world) {
  return status_of(save_files(repository, world, {"new", random_text(world, 2000)}));
}
Status do_forget(Repository& repository, Repository&, TestWorld&) {
  HF_TRY(const auto all, repository.snapshots());
  return forget(repository, {all[0].id});
}
Status do_prune(Repository& repository, Repository&, TestWorld&) {
  PruneOptions options;
  options.max_unused_ratio = 0;
  return status_of(prune(repository, options));
}
Status do_copy(Repository& from, Repository& to, TestWorld&) {
  HF_TRY(const auto all, from.snapshots());
  std::vector<SnapshotId> ids;
  for (const Snapshot& snapshot : all) {
    ids.push_back(snapshot.id);
  }
  return status_of(copy(from, to, ids));
}

class SlowFaults : public testing::TestWithParam<FaultCase> {
 protected:
  // Two kept snapshots, and the rubbish of a forgotten one.
  static void prepare(TestWorld& world) {
    auto repository = *world.init();
    ASSERT_TRUE(world.init("/second", repository->config().polynomial));
    const std::string kept = random_text(world, 3000);
    const SnapshotId gone = *save_files(*repository, world, {kept, random_text(world, 3000)});
    ASSERT_TRUE(save_files(*repository, world, {kept}));
    ASSERT_TRUE(save_files(*repository, world, {kept, "more"}));
    ASSERT_TRUE(forget(*repository, {gone}));
  }
  static void expect_sound(TestWorld& world, const std::string& what) {
    for (const char* name : {"/repo", "/second"}) {
      const auto repository = world.open(name);
      ASSERT_TRUE(repository) << what;
      ASSERT_EQ(damage(**repository), std::vector<std::string>()) << what << " " << name;
    }
  }
};

TEST_P(SlowFaults, AreReportedAndLoseNothing) {
  for (const auto lasting :
       {env::FaultPlan::Lasting::kOnce, env::FaultPlan::Lasting::kFromThenOn}) {
    std::unique_ptr<TestWorld> world;
    env::FaultPlan* plan = nullptr;
    std::uint64_t n = 1;
    for (;; ++n) {
      world = std::make_unique<TestWorld>();
      prepare(*world);
      plan = &world->plan;
      bool done = false;
      {
        auto repository = *world->open();
        auto second = *world->open("/second");
        plan->fail_at(n, lasting);
        done = GetParam().work(*repository, *second, *world).has_value();
      }
      const bool fired = plan->fired();
      plan->fail_at(0);
      const std::string what = std::string(GetParam().name) + " fault " + std::to_string(n);
      EXPECT_TRUE(done || fired) << what;
      expect_sound(*world, what);
      const std::size_t left = (*world->open())->snapshots()->size();
      EXPECT_GE(left, GetParam().work == do_forget ? 1u : 2u) << what;
      if (!fired) {
        break;
      }
    }
    EXPECT_GT(n, 7u);
  }
}

// The machine loses power after each operation; what was acknowledged before is whole.
TEST_P(SlowFaults, ACrashAtAnyPointLosesNothing) {
  for (std::uint64_t n = 1;; ++n) {
    TestWorld world(test_seed() + n);
    prepare(world);
    {
      auto repository = *world.open();
      auto second = *world.open("/second");
      world.plan.fail_at(n, env::FaultPlan::Lasting::kFromThenOn);
      static_cast<void>(GetParam().work(*repository, *second, world));
      world.files.crash(world.random);
    }
    const bool fired = world.plan.fired();
    world.plan.fail_at(0);
    const std::string what = std::string(GetParam().name) + " crash " + std::to_string(n);
    const auto reopened = world.open();
    ASSERT_TRUE(reopened) << what;
    ASSERT_TRUE((*reopened)->unlock(/*all=*/true)) << what;
    expect_sound(world, what);
    EXPECT_GE((*reopened)->snapshots()->size(), GetParam().work == do_forget ? 1u : 2u) << what;
    ASSERT_TRUE(do_prune(**reopened, **reopened, world)) << what;
    expect_sound(world, what + " after prune");
    if (!fired) {
      break;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Slow, SlowFaults,
                         testing::Values(FaultCase{"save", do_save}, FaultCase{"forget", do_forget},
                                         FaultCase{"prune", do_prune}, FaultCase{"copy", do_copy}),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holdfast::repo

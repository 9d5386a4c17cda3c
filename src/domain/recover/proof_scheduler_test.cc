#include "domain/recover/proof_scheduler.h"

#include <gtest/gtest.h>

#include "core/async/run.h"
#include "core/db/testing/temp_database.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/policy_store.h"
#include "flow/embedded/engine.h"

namespace holdfast::recover {
namespace {

using std::chrono::hours;

db::Migrations schema() {
  db::Migrations all;
  for (db::Migrations part :
       {inventory::migrations(), protect::policy_migrations(), flow::embedded::migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

flow::Task<Result<Json>> ends_at_once(flow::WorkflowContext& ctx) { co_return ctx.input(); }

class ProofSchedulerTest : public testing::Test {
 protected:
  void SetUp() override {
    workflows_.add("recovery_proof", ends_at_once);
    engine_ = std::make_unique<flow::embedded::Engine>(*database_, clock_, random_, workflows_,
                                                       activities_);
    ASSERT_TRUE(engine_->start());
    inventory::Resource resource;
    resource.id = inventory::ResourceId("res_a");
    resource.name = "a";
    resource.path = "/srv";
    resource.driver = "directory";
    ASSERT_TRUE(database_.write(
        [&](db::Connection& sql) { return inventory::put_resource(sql, resource); }));
  }
  void put_point() {
    inventory::Point point;
    point.id = inventory::PointId("pt_1");
    point.resource = inventory::ResourceId("res_a");
    point.resource_name = "a";
    point.time = clock_.now();
    inventory::Copy copy;
    copy.id = inventory::CopyId("copy_1");
    copy.level = "local_snapshot";
    copy.method = "restic";
    copy.state = "available";
    point.copies = {copy};
    ASSERT_TRUE(
        database_.write([&](db::Connection& sql) { return inventory::put_point(sql, point); }));
  }
  void prove(inventory::ProofLevel level) {
    const inventory::Proof proof{
        level, clock_.now(), "run_" + std::to_string(clock_.now().time_since_epoch().count()), ""};
    ASSERT_TRUE(database_.write([&](db::Connection& sql) {
      return inventory::add_proof(sql, inventory::CopyId("copy_1"), proof);
    }));
  }
  int pass() {
    const auto started = async::block_on(pool_.executor(), scheduler_->pass());
    EXPECT_TRUE(started);
    engine_->wait_idle();
    return *started;
  }

  async::Pool pool_{"test", 1};  // goes after those who post to it
  db::TempDatabase database_{schema()};
  env::ManualClock clock_{UtcTime(std::chrono::seconds(1'000'000'000))};
  env::SeededRandom random_{5};
  protect::ServerContext context_{*database_, clock_, random_, database_.directory(),
                                  "host",     "UTC"};
  flow::WorkflowRegistry workflows_;
  flow::ActivityRegistry activities_;
  std::unique_ptr<flow::embedded::Engine> engine_;
  std::unique_ptr<ProofScheduler> scheduler_ = nullptr;
};

TEST_F(ProofSchedulerTest, StartsAProofForEveryResourceThatHasNone) {
  scheduler_ = std::make_unique<ProofScheduler>(context_, engine_->client());
  EXPECT_EQ(pass(), 0);  // no point yet
  put_point();
  EXPECT_EQ(pass(), 1);
  EXPECT_EQ(pass(), 0);  // it was tried a moment ago
  clock_.advance(hours(24));
  EXPECT_EQ(pass(), 1);  // the first one proved nothing
}

TEST_F(ProofSchedulerTest, WaitsForTheIntervalOnceAProofHolds) {
  scheduler_ = std::make_unique<ProofScheduler>(context_, engine_->client());
  put_point();
  prove(inventory::ProofLevel::kL1);  // less than the policy asks for
  EXPECT_EQ(pass(), 1);
  prove(inventory::ProofLevel::kL2);
  clock_.advance(hours(24 * 6));
  EXPECT_EQ(pass(), 0);
  clock_.advance(hours(24 + 1));
  EXPECT_EQ(pass(), 1);
}

}  // namespace
}  // namespace holdfast::recover

// Mirrors that transfer by themselves, and transfers that fail on purpose.
#include "simulators/ontap/snapmirror/sync.h"

#include <gtest/gtest.h>

#include "simulators/ontap/testing/mirrored.h"

namespace holdfast::ontap_sim {
namespace {

using SyncTest = Mirrored;

TEST_F(SyncTest, AMirrorFollowsItsSourceAndFallsBehindADeadOne) {
  put(path_to("data1", "a"), "first");
  const std::string path = mirror({{"policy", {{"name", "Sync"}}}, {"state", "in_sync"}});
  EXPECT_EQ(state(path), "in_sync");
  SyncMirrors mirrors;
  const auto look = [&] {
    mirrors.look(*world_);
    settled(id_of(path));
  };
  look();
  put(path_to("data1", "a"), "second");
  put(path_to("data1", "b"), "new");
  look();
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "second");
  EXPECT_EQ(content(path_to("copy1", "b", 2)), "new");
  set_down("cluster1");
  put(path_to("data1", "a"), "third");
  look();
  EXPECT_EQ(state(path), "out_of_sync");
  EXPECT_FALSE(flag_at(get(path + "?fields=healthy", 2).body, "healthy", true));
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "second");
  world_->faults().clear();
  look();
  look();
  EXPECT_EQ(state(path), "in_sync");
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "third");
  EXPECT_TRUE(flag_at(get(path + "?fields=healthy", 2).body, "healthy"));
}

TEST_F(SyncTest, AScriptedFailureEndsATransferAndTheNextOneGoesOn) {
  const std::string path = mirror();
  FaultRule rule;
  rule.kind = "transfer_failure";
  rule.path = "svm2:copy1";
  rule.times = 1;
  world_->faults().add(std::move(rule));
  EXPECT_EQ(update(path), "failed");
  EXPECT_EQ(update(path), "success");
}

}  // namespace
}  // namespace holdfast::ontap_sim

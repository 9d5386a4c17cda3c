// SnapMirror between the simulator's two clusters: real bytes, real states.
#include "drivers/storage/replication.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/peers.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/testing/mirrored.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

namespace fs = std::filesystem;
using testing::OntapBed;
using testing::read_file;
using testing::Simulator;
using testing::Way;
using testing::write_file;

class SlowOntapReplicationTest : public testing::Mirrored {};

INSTANTIATE_TEST_SUITE_P(SlowBothWays, SlowOntapReplicationTest,
                         ::testing::Values(Way::kDirect, Way::kGateway), testing::way_name);

TEST_P(SlowOntapReplicationTest, CarriesASnapshotToTheOtherCluster) {
  const Relation relation = mirror_with_point();
  EXPECT_EQ(read_file(far_file(".snapshot/pt_1/a")), "first");
  const auto copy = run(replication().copy_of(relation.id, "pt_1"));
  ASSERT_TRUE(copy) << copy.error().to_string();
  EXPECT_TRUE(copy->has_value());
  const auto replicas = run(driver().replicas(volume_));
  ASSERT_TRUE(replicas) << replicas.error().to_string();
  ASSERT_EQ(replicas->size(), 1u);
  EXPECT_TRUE(replicas->front().healthy);
  EXPECT_EQ(replicas->front().state, "snapmirrored");
  EXPECT_TRUE(replicas->front().lag.has_value());
  EXPECT_EQ(replicas->front().target, west_ + "/" + Simulator::instance().svm(1) + ":" + copy_);
}

TEST_P(SlowOntapReplicationTest, IsHarmlessToRepeat) {
  const Relation relation = mirror_with_point();
  EXPECT_EQ(mirror().id, relation.id);
  const auto again = run(replication().update(relation.id, "pt_1"));
  EXPECT_TRUE(again) << again.error().to_string();
}

TEST_P(SlowOntapReplicationTest, PeersTheSvmsWhereTheyAreNot) {
  write_file(file("a"), "first");
  const std::string own = Simulator::instance().svm(0);
  const std::string far = Simulator::instance().svm(1);
  for (int i = 0; i < 2; ++i) {
    const auto peers = run(bed_->admin(i).list("/svm/peers", {{"fields", "uuid"}}, "list peers"));
    ASSERT_TRUE(peers) << peers.error().to_string();
    for (const Json& peer : *peers) {
      bed_->prepare({.method = "DELETE",
                     .path = "/svm/peers/" + get_string(peer, "uuid"),
                     .query = {},
                     .body = nullptr,
                     .what = "forget the peering"},
                    i);
    }
  }
  const Relation relation = mirror();
  EXPECT_EQ(relation.state, "snapmirrored");
  const auto peers = run(list_svm_peers(bed_->cluster(1), {}));
  ASSERT_TRUE(peers) << peers.error().to_string();
  ASSERT_EQ(peers->size(), 1u);
  EXPECT_EQ(peers->front().svm, far);
  EXPECT_EQ(peers->front().peer_svm, own);
  EXPECT_EQ(peers->front().state, "peered");
}

TEST_P(SlowOntapReplicationTest, RunsByItselfOnASchedule) {
  const RelationSpec spec{.destination = Simulator::instance().svm(1) + ":" + copy_,
                          .destination_cluster = west_,
                          .policy = "",
                          .schedule = "*/20 4 * * 1-5"};
  const auto made = run(replication().create(volume_, spec));
  ASSERT_TRUE(made) << made.error().to_string();
  const auto schedules = run(bed_->admin(1).list(
      "/cluster/schedules", {{"name", "holdfast_*"}, {"fields", "name,cron"}}, "list schedules"));
  ASSERT_TRUE(schedules) << schedules.error().to_string();
  ASSERT_EQ(schedules->size(), 1u);
  EXPECT_EQ(to_text(at(schedules->front(), "cron")),
            R"({"minutes":[0,20,40],"hours":[4],"weekdays":[1,2,3,4,5]})");
  const auto row = run(bed_->admin(1).find_one(
      "/snapmirror/relationships",
      {{"destination.path", spec.destination}, {"fields", "transfer_schedule.name"}},
      "look at the relationship"));
  ASSERT_TRUE(row && *row);
  EXPECT_EQ(get_string(at(**row, "transfer_schedule"), "name"),
            get_string(schedules->front(), "name"));
  for (const std::string wrong : {"0 4 * *", "60 * * * *", "0 4 * * mon"}) {
    RelationSpec bad = spec;
    bad.schedule = wrong;
    const auto refused = run(replication().create(volume_, bad));
    EXPECT_EQ(refused.error().code(), Code::kInvalidArgument) << wrong;
  }
}

TEST_P(SlowOntapReplicationTest, SaysWhenThePolicyDoesNotCarryOurSnapshots) {
  const Relation relation = mirror("weekly");
  snapshot("pt_1");
  const auto updated = run(replication().update(relation.id, "pt_1"));
  ASSERT_FALSE(updated);
  EXPECT_EQ(updated.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(updated.error().message().find("label 'holdfast'"), std::string::npos);
}

TEST_P(SlowOntapReplicationTest, DeletesACopyAndIsContentWhenItIsGone) {
  const Relation relation = mirror_with_point();
  snapshot("pt_2");
  ASSERT_TRUE(run(replication().update(relation.id, "pt_2")));
  for (int i = 0; i < 2; ++i) {
    const Status deleted = run(replication().delete_copy(relation.id, "pt_1"));
    EXPECT_TRUE(deleted) << deleted.error().to_string();
  }
  EXPECT_FALSE(run(replication().copy_of(relation.id, "pt_1"))->has_value());
  EXPECT_TRUE(run(replication().copy_of(relation.id, "pt_2"))->has_value());
}

TEST_P(SlowOntapReplicationTest, PausesAndGoesOn) {
  const Relation relation = mirror_with_point();
  const auto paused = run(replication().quiesce(relation.id));
  ASSERT_TRUE(paused) << paused.error().to_string();
  EXPECT_EQ(paused->state, "paused");
  const auto refused = run(replication().update(relation.id, ""));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  const auto resumed = run(replication().resume(relation.id));
  ASSERT_TRUE(resumed) << resumed.error().to_string();
  EXPECT_EQ(resumed->state, "snapmirrored");
}

TEST_P(SlowOntapReplicationTest, FailsOverAndBack) {
  const Relation relation = mirror_with_point();
  write_file(file("a"), "not replicated");
  const auto before = run(replication().break_off(relation.id, /*unplanned=*/false));
  ASSERT_TRUE(before) << before.error().to_string();
  EXPECT_EQ(before->state, "snapmirrored");
  EXPECT_EQ(state_of(relation.id), "broken_off");
  EXPECT_EQ(read_file(far_file("a")), "first");
  const Status served = run(replication().serve(relation.id, "/" + copy_));
  ASSERT_TRUE(served) << served.error().to_string();
  write_file(far_file("b"), "written after the fail-over");

  const auto careful = run(replication().reverse(relation.id, /*discard_source_changes=*/false));
  ASSERT_FALSE(careful);
  EXPECT_EQ(careful.error().code(), Code::kFailedPrecondition);
  const auto reversed = run(replication().reverse(relation.id, /*discard_source_changes=*/true));
  ASSERT_TRUE(reversed) << reversed.error().to_string();
  EXPECT_EQ(reversed->destination, relation.source);
  ASSERT_TRUE(run(replication().update(reversed->id, "")));
  ASSERT_TRUE(run(replication().break_off(reversed->id, /*unplanned=*/false)));
  EXPECT_EQ(read_file(file("a")), "first");
  EXPECT_EQ(read_file(file("b")), "written after the fail-over");
  const auto again = run(replication().resync(relation.id, /*discard_destination_changes=*/true));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->state, "snapmirrored");
  const Status released = run(replication().release(reversed->id));
  EXPECT_TRUE(released) << released.error().to_string();
}

TEST_P(SlowOntapReplicationTest, SeesAgainWhichWayAMirrorRunsAfterAFailOver) {
  const Relation relation = mirror_with_point();
  Known known;
  known.is_protected = [this](const std::string& id) { return id == volume_.id; };
  known.has_point = [](const std::string&) { return true; };
  known.clone_in_use = [](const std::string&) { return true; };
  known.is_being_recovered = [](const std::string&) { return false; };
  known.drives_relation = [&](const std::string& place) { return place == relation.destination; };
  const auto kinds = [&](int number) {
    std::vector<FindingKind> found;
    const auto findings = run(find_discrepancies(bed_->cluster(number), known));
    EXPECT_TRUE(findings) << findings.error().to_string();
    for (const Finding& finding : *findings) {
      if (finding.object.find(bed_->name()) != std::string::npos) {
        found.push_back(finding.kind);
      }
    }
    return found;
  };
  const std::vector<FindingKind> broken{FindingKind::kBrokenMirror};
  const std::vector<FindingKind> turned{FindingKind::kDirectionChanged,
                                        FindingKind::kForeignRelation};
  EXPECT_EQ(kinds(1), std::vector<FindingKind>());
  ASSERT_TRUE(run(replication().break_off(relation.id, /*unplanned=*/false)));
  EXPECT_EQ(kinds(1), broken);
  const auto reversed = run(replication().reverse(relation.id, /*discard_source_changes=*/true));
  ASSERT_TRUE(reversed) << reversed.error().to_string();
  EXPECT_EQ(kinds(0), turned);
  ASSERT_TRUE(run(replication().break_off(reversed->id, /*unplanned=*/false)));
  ASSERT_TRUE(run(replication().release(reversed->id)));
  ASSERT_TRUE(run(replication().resync(relation.id, /*discard_destination_changes=*/true)));
  EXPECT_EQ(kinds(0), std::vector<FindingKind>{FindingKind::kMirrorBase}) << "the reversed one's";
  EXPECT_EQ(kinds(1), std::vector<FindingKind>());
}

TEST_P(SlowOntapReplicationTest, CarriesOurSnapshotsByAPolicyOfOthers) {
  const Relation relation = mirror("daily");
  const auto info =
      run(list_relations(bed_->cluster(1), {{"destination.path", exactly(relation.destination)}}));
  ASSERT_TRUE(info && info->size() == 1);
  EXPECT_TRUE(*run(carry_our_snapshots(info->front())));
  EXPECT_FALSE(*run(carry_our_snapshots(info->front()))) << "once is enough";
  snapshot("pt_1");
  const auto updated = run(replication().update(relation.id, "pt_1"));
  EXPECT_TRUE(updated) << updated.error().to_string();
}

TEST_P(SlowOntapReplicationTest, FindsWhatARestoreLeftBehind) {
  const Relation relation = mirror_with_point();
  ASSERT_TRUE(run(restore().fetch_copy(volume_, {relation.id, "pt_1"}, "run_9")));
  const auto made = run(list_made_volumes(bed_->cluster(1)));
  ASSERT_TRUE(made) << made.error().to_string();
  ASSERT_EQ(made->size(), 1u);
  EXPECT_EQ(made->front().name, clone_volume_name("run_9"));
  EXPECT_TRUE(is_clone_of(made->front().name, {clone_volume_name("run_9")}));
  EXPECT_FALSE(is_clone_of(made->front().name, {clone_volume_name("run_90")}));
  EXPECT_TRUE(run(remove_made_volume(bed_->cluster(1), made->front())));
  EXPECT_TRUE(run(list_made_volumes(bed_->cluster(1)))->empty());
}

TEST_P(SlowOntapReplicationTest, DoesNotResyncOverDataThatNobodyGaveUp) {
  const Relation relation = mirror_with_point();
  ASSERT_TRUE(run(replication().break_off(relation.id, /*unplanned=*/true)));
  const auto refused =
      run(replication().resync(relation.id, /*discard_destination_changes=*/false));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
}

TEST_P(SlowOntapReplicationTest, ReleasesBothSidesAndKeepsTheVolumes) {
  const Relation relation = mirror_with_point();
  for (int i = 0; i < 2; ++i) {
    const Status released = run(replication().release(relation.id));
    ASSERT_TRUE(released) << released.error().to_string();
  }
  EXPECT_TRUE(run(driver().replicas(volume_))->empty());
  EXPECT_TRUE(fs::exists(far_file(".snapshot/pt_1/a")));
  EXPECT_TRUE(run(driver().delete_snapshot(volume_, "pt_1")));
}

}  // namespace
}  // namespace holdfast::storage::ontap

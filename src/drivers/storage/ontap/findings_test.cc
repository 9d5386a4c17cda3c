// What is found on a volume, on the simulator: snapshots that SnapMirror left.
#include "drivers/storage/ontap/findings.h"

#include <gtest/gtest.h>

#include <optional>

#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/replication.h"

namespace holdfast::storage::ontap {
namespace {

using testing::OntapBed;
using testing::Simulator;
using testing::Way;

class SlowOntapFindingsTest : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace(GetParam());
    const auto volume = bed_->run(bed_->driver().resolve(bed_->path()));
    ASSERT_TRUE(volume) << volume.error().to_string();
    volume_ = *volume;
  }

  // A mirror on the other cluster that holds pt_1; its uuid.
  std::string mirror() {
    Replication& replication = *bed_->driver().replication();
    const std::string west = Simulator::instance().cluster_name(1);
    const std::string policy = "p_" + bed_->name();
    EXPECT_TRUE(bed_->run(replication.put_policy(west, {policy, {{"holdfast", 10, ""}}})));
    const auto made = bed_->run(replication.create(
        volume_, {.destination = Simulator::instance().svm(1) + ":" + bed_->name() + "_copy",
                  .destination_cluster = west,
                  .policy = policy,
                  .schedule = ""}));
    EXPECT_TRUE(made) << made.error().to_string();
    EXPECT_TRUE(
        bed_->run(bed_->driver().create_snapshot(volume_, {.name = "pt_1", .comment = ""})));
    EXPECT_TRUE(bed_->run(replication.update(made->id, "pt_1")));
    return made->id.substr(made->id.find('/') + 1);
  }

  std::vector<Finding> on_volume() {
    Known known;
    known.is_protected = [this](const std::string& id) { return id == volume_.id; };
    known.has_point = [](const std::string&) { return true; };
    known.clone_in_use = [](const std::string&) { return true; };
    known.is_being_recovered = [](const std::string&) { return false; };
    known.drives_relation = [](const std::string&) { return true; };
    auto findings = bed_->run(find_discrepancies(bed_->cluster(), known));
    EXPECT_TRUE(findings) << findings.error().to_string();
    std::erase_if(*findings, [&](const Finding& finding) {
      return finding.object != Simulator::instance().svm(0) + ":" + bed_->name();
    });
    return *findings;
  }

  void forget(const std::string& relation, const std::string& flag, int number) {
    bed_->prepare({.method = "DELETE",
                   .path = "/snapmirror/relationships/" + relation,
                   .query = {{flag, "true"}},
                   .body = nullptr,
                   .what = "forget the relationship"},
                  number);
  }

  std::optional<OntapBed> bed_;
  Volume volume_;
};

INSTANTIATE_TEST_SUITE_P(SlowBothWays, SlowOntapFindingsTest,
                         ::testing::Values(Way::kDirect, Way::kGateway), testing::way_name);

TEST_P(SlowOntapFindingsTest, KnowsSnapshotsThatSnapMirrorLeftForWhatTheyAre) {
  const std::string relation = mirror();
  EXPECT_TRUE(on_volume().empty()) << "what a relationship uses is its own matter";
  forget(relation, "destination_only", 1);
  EXPECT_TRUE(on_volume().empty()) << "the source keeps it for the mirror's return";
  forget(relation, "source_info_only", 0);  // what a mirror could go on from stays
  const auto left = on_volume();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left[0].kind, FindingKind::kMirrorBase);
  ASSERT_EQ(left[0].names.size(), 1u);
  EXPECT_TRUE(left[0].names[0].starts_with("snapmirror."));
  EXPECT_NE(left[0].detail.find(left[0].names[0]), std::string::npos);
  const VolumeOn on{bed_->cluster(), volume_.id.substr(volume_.id.find('/') + 1)};
  const auto refused = bed_->run(adopt_snapshot(on, left[0].names[0], "pt_mine", ""));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace holdfast::storage::ontap

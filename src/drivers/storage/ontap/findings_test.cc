// What is found on a volume, on the simulator: snapshots that SnapMirror left.
#include "drivers/storage/ontap/findings.h"

#include <gtest/gtest.h>

#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/testing/mirrored.h"

namespace holdfast::storage::ontap {
namespace {

using testing::Simulator;
using testing::Way;

class SlowOntapFindingsTest : public testing::Mirrored {
 protected:
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
};

INSTANTIATE_TEST_SUITE_P(SlowBothWays, SlowOntapFindingsTest,
                         ::testing::Values(Way::kDirect, Way::kGateway), testing::way_name);

TEST_P(SlowOntapFindingsTest, KnowsSnapshotsThatSnapMirrorLeftForWhatTheyAre) {
  const std::string id = mirror_with_point().id;
  const std::string relation = id.substr(id.find('/') + 1);
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

// Volumes that come to a new place, on the simulator: where they may lie, and that nothing stays
// behind where they cannot.
#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

using testing::OntapBed;
using testing::Simulator;
using testing::Way;

class OntapRestoreCloneTest : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace(GetParam());
    const auto volume = bed_->run(bed_->driver().resolve(bed_->path()));
    ASSERT_TRUE(volume) << volume.error().to_string();
    volume_ = *volume;
    std::ofstream(volume_.root + "/a") << "first";
    ASSERT_TRUE(
        bed_->run(bed_->driver().create_snapshot(volume_, {.name = "pt_1", .comment = ""})));
    std::ofstream(volume_.root + "/a") << "second";
  }

  NativeRestore& restore() { return *bed_->driver().native_restore(); }
  Status possible(const std::string& target) {
    return bed_->run(restore().can_clone_to(volume_, target));
  }
  Status clone_to(const std::string& target) {
    return bed_->run(restore().clone_to(volume_, "pt_1", target));
  }
  std::string beside(const std::string& name) const { return bed_->svm_root() + "/" + name; }
  std::optional<VolumeInfo> volume(const std::string& name) {
    const auto found = bed_->run(list_volumes(bed_->cluster(), {{"name", name}}));
    EXPECT_TRUE(found) << found.error().to_string();
    return found->empty() ? std::nullopt : std::optional(found->front());
  }

  std::optional<OntapBed> bed_;
  Volume volume_;
};

INSTANTIATE_TEST_SUITE_P(Direct, OntapRestoreCloneTest, ::testing::Values(Way::kDirect));
INSTANTIATE_TEST_SUITE_P(Gateway, OntapRestoreCloneTest, ::testing::Values(Way::kGateway));

TEST_P(OntapRestoreCloneTest, MakesAVolumeThatIsSoonIndependentOfItsSnapshot) {
  const std::string name = bed_->name() + "_back";
  ASSERT_TRUE(possible(beside(name)));
  const Status made = clone_to(beside(name));
  ASSERT_TRUE(made) << made.error().to_string();
  std::string text;
  std::ifstream(beside(name) + "/a") >> text;
  EXPECT_EQ(text, "first");
  for (auto now = volume(name); now && now->is_clone; now = volume(name)) {
  }
  EXPECT_TRUE(clone_to(beside(name))) << "a repetition finds it";
  EXPECT_TRUE(bed_->run(bed_->driver().delete_snapshot(volume_, "pt_1")));
}

TEST_P(OntapRestoreCloneTest, RefusesPlacesThatAreTakenOrElsewhereOrInside) {
  for (const std::string& target :
       {volume_.root + "/inside", beside(bed_->name()), std::string("/tmp/elsewhere"),
        beside("no/such/directory"), bed_->svm_root(1) + "/other"}) {
    const Status refused = possible(target);
    ASSERT_FALSE(refused) << target;
    EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  }
}

TEST_P(OntapRestoreCloneTest, LeavesNothingWhereItsVolumeIsNotSeen) {
  // The simulator shows a volume under its own name, and this place has another.
  const Status unseen = clone_to(beside(bed_->name() + "-back"));
  ASSERT_FALSE(unseen);
  EXPECT_FALSE(volume(bed_->name() + "_back").has_value());
}

}  // namespace
}  // namespace holdfast::storage::ontap

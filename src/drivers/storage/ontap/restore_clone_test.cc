// Volumes that come to a new place, on the simulator: where they may lie, and that nothing stays
// behind where they cannot.
#include <gtest/gtest.h>

#include <fstream>
#include <optional>

#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/splits.h"
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

  // What the findings say of an unsplit volume; empty: nothing.
  std::string unsplit(const std::string& object, bool recovering = false) {
    Known known;
    known.is_protected = [](const std::string&) { return false; };
    known.has_point = [](const std::string&) { return true; };
    known.clone_in_use = [](const std::string&) { return true; };
    known.is_being_recovered = [=, this](const std::string& id) {
      return recovering && id == volume_.id;
    };
    known.drives_relation = [](const std::string&) { return true; };
    const auto found = bed_->run(find_discrepancies(bed_->cluster(), known));
    EXPECT_TRUE(found) << found.error().to_string();
    for (const Finding& one : *found) {
      if (one.kind == FindingKind::kUnsplitVolume && one.object == object) {
        return one.detail;
      }
    }
    return "";
  }

  bool split_again(const std::string& name) {
    const auto left = bed_->run(list_unsplit(bed_->cluster()));
    EXPECT_TRUE(left) << left.error().to_string();
    for (const VolumeInfo& one : *left) {
      if (one.name == name) {
        return bed_->run(start_split(bed_->cluster(), one)).has_value();
      }
    }
    return false;
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

TEST_P(OntapRestoreCloneTest, TellsOfASplitThatFailedAndStartsItAgain) {
  const std::string name = bed_->name() + "_torn";
  const std::string object = Simulator::instance().svm(0) + ":" + name;
  const Simulator& simulator = Simulator::instance();
  const std::string fault = simulator.control("faults add split_failure times=1 path=" + object);
  ASSERT_NE(fault.find("id"), std::string::npos) << fault;
  ASSERT_TRUE(clone_to(beside(name))) << "the volume serves, whatever becomes of its split";
  EXPECT_TRUE(unsplit(object, /*recovering=*/true).empty()) << "its recovery has not ended";
  std::string said;
  while (said.empty()) {
    said = unsplit(object);
  }
  const std::string snapshot = simulator.svm(0) + ":" + bed_->name() + "/pt_1";
  EXPECT_NE(said.find(snapshot), std::string::npos) << said;
  EXPECT_NE(said.find("holdfast system clean " + bed_->cluster()->system), std::string::npos);
  const Status busy = bed_->run(bed_->driver().delete_snapshot(volume_, "pt_1"));
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), Code::kConflict);

  ASSERT_TRUE(split_again(name));
  EXPECT_TRUE(unsplit(object).empty()) << "it runs";
  for (auto now = volume(name); now && now->is_clone; now = volume(name)) {
    EXPECT_TRUE(bed_->run(start_split(bed_->cluster(), *now))) << "it is not started twice";
  }
  EXPECT_TRUE(bed_->run(bed_->driver().delete_snapshot(volume_, "pt_1")));
}

TEST_P(OntapRestoreCloneTest, TellsOfASplitThatSomebodyStopped) {
  const std::string name = bed_->name() + "_stopped";
  const std::string object = Simulator::instance().svm(0) + ":" + name;
  Simulator::instance().control("faults add slow_job milliseconds=1000 times=1 path=PATCH*");
  ASSERT_TRUE(clone_to(beside(name)));
  EXPECT_TRUE(unsplit(object).empty()) << "it is under way, as far as anybody knows";
  const auto jobs = bed_->run(bed_->admin().list(
      "/cluster/jobs", {{"state", "queued|running"}, {"description", "PATCH*"}}, "list jobs"));
  ASSERT_TRUE(jobs) << jobs.error().to_string();
  ASSERT_EQ(jobs->size(), 1u);
  for (const Json& job : *jobs) {
    bed_->prepare({.method = "PATCH",
                   .path = "/cluster/jobs/" + get_string(job, "uuid"),
                   .query = {{"action", "cancel"}},
                   .body = JsonObject(),
                   .what = "stop the split",
                   .wait_briefly = false});
  }
  while (unsplit(object).empty()) {
  }
  EXPECT_TRUE(split_again(name));
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

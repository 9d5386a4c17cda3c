#include "drivers/storage/ontap/events.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::storage::ontap {
namespace {

using testing::OntapBed;
using testing::Simulator;
using testing::Way;

class OntapEventTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace(Way::kGateway);
    manager_ = bed_->systems().find(Simulator::instance().unified_manager().name);
    ASSERT_NE(manager_, nullptr);
  }
  template <class T>
  T run(async::Co<T> co) {
    return bed_->run(std::move(co));
  }
  void attack() {
    const Simulator& simulator = Simulator::instance();
    const std::string answer =
        simulator.control("attack cluster=" + simulator.cluster_name(0) +
                          " svm=" + simulator.svm(0) + " volume=" + bed_->name());
    SCOPED_TRACE(answer);
  }

  env::SystemClock clock_;
  std::optional<OntapBed> bed_;
  std::shared_ptr<System> manager_;
};

TEST_F(OntapEventTest, SeesAnAttackInTheLogOfTheClusterAndOnTheVolume) {
  const UtcTime before = clock_.now() - std::chrono::seconds(2);
  attack();
  const auto events = run(ems_events(bed_->cluster(), before));
  ASSERT_TRUE(events) << events.error().to_string();
  const auto seen = std::find_if(events->begin(), events->end(), [&](const StorageEvent& event) {
    return event.name == "callhome.arw.activity.seen" &&
           event.resource == Simulator::instance().svm(0) + ":" + bed_->name();
  });
  ASSERT_NE(seen, events->end());
  EXPECT_EQ(seen->severity, "alert");
  EXPECT_TRUE(seen->time.has_value());
  const auto attacked =
      run(list_volumes(bed_->cluster(), {{"anti_ransomware.attack_probability", "moderate|high"}}));
  ASSERT_TRUE(attacked) << attacked.error().to_string();
  EXPECT_TRUE(std::any_of(attacked->begin(), attacked->end(),
                          [&](const VolumeInfo& one) { return one.name == bed_->name(); }));
}

TEST_F(OntapEventTest, AcknowledgesAndResolvesEventsOfUnifiedManager) {
  attack();
  const auto open = run(open_events(manager_));
  ASSERT_TRUE(open) << open.error().to_string();
  ASSERT_FALSE(open->empty());
  const StorageEvent event = open->back();
  EXPECT_EQ(event.state, "new");
  EXPECT_TRUE(event.time.has_value());
  const Status acknowledged = run(acknowledge_event(manager_, event.id, "eve"));
  ASSERT_TRUE(acknowledged) << acknowledged.error().to_string();
  const auto after = run(open_events(manager_));
  ASSERT_TRUE(after) << after.error().to_string();
  const auto same = std::find_if(after->begin(), after->end(),
                                 [&](const StorageEvent& one) { return one.id == event.id; });
  ASSERT_NE(same, after->end());
  EXPECT_EQ(same->state, "acknowledged");
  ASSERT_TRUE(run(resolve_event(manager_, event.id, "eve")));
  const auto left = run(open_events(manager_));
  EXPECT_TRUE(std::none_of(left->begin(), left->end(),
                           [&](const StorageEvent& one) { return one.id == event.id; }));
  EXPECT_EQ(run(acknowledge_event(manager_, "no-such-event", "eve")).error().code(),
            Code::kNotFound);
}

}  // namespace
}  // namespace holdfast::storage::ontap

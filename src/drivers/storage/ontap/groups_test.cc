// Group snapshots on the simulator, whose fence is a real one on btrfs: volumes are read-only
// meanwhile.
#include "drivers/storage/ontap/groups.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <optional>
#include <thread>

#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/errors.h"
#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/ontap/usage.h"

namespace holdfast::storage::ontap {
namespace {

using testing::OntapBed;
using testing::Simulator;
using testing::Way;

// True when it was written: a fenced volume refuses.
bool write_number(const std::string& path, int number) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) {
    return false;
  }
  const std::string text = std::to_string(number);
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return written;
}

int read_number(const std::string& path) {
  int number = -1;
  std::ifstream(path) >> number;
  return number;
}

class SlowOntapGroupTest : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    if (!Simulator::instance().on_btrfs()) {
      GTEST_SKIP() << "no btrfs for a simulator that can fence writes";
    }
    first_.emplace(GetParam());
    second_.emplace(GetParam());
    volumes_ = {resolve(*first_), resolve(*second_)};
  }

  Volume resolve(OntapBed& bed) {
    const auto volume = run(bed.driver().resolve(bed.path()));
    EXPECT_TRUE(volume) << volume.error().to_string();
    return volume ? *volume : Volume();
  }
  template <class T>
  T run(async::Co<T> co) {
    return first_->run(std::move(co));
  }
  Driver& driver() { return first_->driver(); }
  void group() {
    JsonArray members;
    for (const OntapBed* bed : {&*first_, &*second_}) {
      members.push_back(JsonObject{{"name", bed->name()},
                                   {"provisioning_options", JsonObject{{"action", "add"}}}});
    }
    Write write{.method = "POST",
                .path = "/application/consistency-groups",
                .query = {},
                .body = JsonObject{{"name", "g_" + first_->name()},
                                   {"svm", JsonObject{{"name", Simulator::instance().svm(0)}}},
                                   {"volumes", std::move(members)}},
                .what = "make a group"};
    first_->prepare(std::move(write));
  }
  Result<std::vector<Snapshot>> snapshot(const std::string& name) {
    return run(driver().create_group_snapshot(volumes_, {.name = name, .comment = "both"}));
  }
  std::string in_snapshot(const Volume& volume, const std::string& name) {
    return volume.root + "/.snapshot/" + name + "/number";
  }

  std::optional<OntapBed> first_;
  std::optional<OntapBed> second_;
  std::vector<Volume> volumes_;
};

INSTANTIATE_TEST_SUITE_P(SlowDirect, SlowOntapGroupTest, ::testing::Values(Way::kDirect));
INSTANTIATE_TEST_SUITE_P(SlowGateway, SlowOntapGroupTest, ::testing::Values(Way::kGateway));

// One writer, first volume before second: in any one instant the first is at most one ahead.
TEST_P(SlowOntapGroupTest, TakesOneInstantOfSeveralVolumes) {
  group();
  std::atomic<bool> stop = false;
  std::atomic<int> written = 0;
  std::thread writer([&] {
    for (int number = 1; !stop; ++number) {
      for (const Volume& volume : volumes_) {
        while (!write_number(volume.root + "/number", number) && !stop) {
          std::this_thread::yield();
        }
      }
      written = number;
    }
  });
  while (written < 10) {
    std::this_thread::yield();
  }
  std::vector<std::string> names;
  for (int i = 0; i < 3; ++i) {
    names.push_back("pt_" + std::to_string(i));
    const auto taken = snapshot(names.back());
    EXPECT_TRUE(taken) << taken.error().to_string();
  }
  stop = true;
  writer.join();
  for (const std::string& name : names) {
    const int first = read_number(in_snapshot(volumes_[0], name));
    const int second = read_number(in_snapshot(volumes_[1], name));
    EXPECT_GT(second, 0) << name;
    EXPECT_TRUE(first == second || first == second + 1) << first << " and " << second;
  }
}

TEST_P(SlowOntapGroupTest, IsHarmlessToRepeatAndGoesFromEveryMember) {
  group();
  const auto taken = snapshot("pt_1");
  ASSERT_TRUE(taken) << taken.error().to_string();
  ASSERT_EQ(taken->size(), 2u);
  const auto again = snapshot("pt_1");
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->front().version, taken->front().version);
  EXPECT_EQ(run(driver().list_snapshots(volumes_[1]))->size(), 1u);
  const Status deleted = run(driver().delete_snapshot(volumes_[0], "pt_1"));
  ASSERT_TRUE(deleted) << deleted.error().to_string();
  EXPECT_TRUE(run(driver().list_snapshots(volumes_[1]))->empty());
  EXPECT_TRUE(run(driver().delete_snapshot(volumes_[1], "pt_1")));
}

TEST_P(SlowOntapGroupTest, SaysWhichGroupAVolumeIsIn) {
  const auto none = run(driver().group_of(volumes_[0]));
  ASSERT_TRUE(none) << none.error().to_string();
  EXPECT_FALSE(none->has_value());
  group();
  const auto found = run(driver().group_of(volumes_[0]));
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->name, "g_" + first_->name());
  EXPECT_EQ((*found)->volumes, (std::vector{volumes_[0].id, volumes_[1].id}));
}

TEST_P(SlowOntapGroupTest, RefusesVolumesThatAreInNoGroupTogether) {
  const auto taken = snapshot("pt_1");
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::kFailedPrecondition);
}

TEST_P(SlowOntapGroupTest, RestoresAllVolumesOfAGroup) {
  group();
  for (const Volume& volume : volumes_) {
    ASSERT_TRUE(write_number(volume.root + "/number", 1));
  }
  ASSERT_TRUE(snapshot("pt_1"));
  for (const Volume& volume : volumes_) {
    ASSERT_TRUE(write_number(volume.root + "/number", 2));
  }
  NativeRestore& restore = *driver().native_restore();
  const Status part = run(restore.restore_group({volumes_[0]}, "pt_1"));
  ASSERT_FALSE(part);
  EXPECT_EQ(part.error().code(), Code::kFailedPrecondition);
  const Status restored = run(restore.restore_group(volumes_, "pt_1"));
  ASSERT_TRUE(restored) << restored.error().to_string();
  for (const Volume& volume : volumes_) {
    EXPECT_EQ(read_number(volume.root + "/number"), 1);
  }
}

TEST_P(SlowOntapGroupTest, TakesOneCallWhileTheApplicationIsQuiet) {
  group();
  ASSERT_TRUE(write_number(volumes_[0].root + "/number", 7));
  const auto taken = run(driver().create_group_snapshot(
      volumes_, {.name = "pt_quiet", .comment = "", .application_quiet = true}));
  ASSERT_TRUE(taken) << taken.error().to_string();
  EXPECT_EQ(taken->size(), 2u);
  EXPECT_EQ(read_number(in_snapshot(volumes_[0], "pt_quiet")), 7);
  const auto groups = run(list_groups(first_->cluster(), {{"name", "g_" + first_->name()}}));
  ASSERT_TRUE(groups && groups->size() == 1);
  const auto usage = run(group_usage(first_->cluster(), groups->front().uuid, "1h"));
  ASSERT_TRUE(usage) << usage.error().to_string();
  EXPECT_EQ(usage->samples + usage->incomplete, 240);
}

TEST_P(SlowOntapGroupTest, ClonesAGroupForAProofAndLeavesNothing) {
  group();
  for (const Volume& volume : volumes_) {
    ASSERT_TRUE(write_number(volume.root + "/number", 1));
  }
  ASSERT_TRUE(snapshot("pt_1"));
  for (int i = 0; i < 2; ++i) {
    const auto clones = run(driver().create_group_clone(volumes_, "pt_1", "proof"));
    ASSERT_TRUE(clones) << clones.error().to_string();
    ASSERT_EQ(clones->size(), 2u);
    for (const Clone& clone : *clones) {
      EXPECT_EQ(read_number(clone.path + "/number"), 1 + i);
      EXPECT_TRUE(write_number(clone.path + "/number", 2));
    }
  }
  EXPECT_EQ(read_number(volumes_[0].root + "/number"), 1);
  for (int i = 0; i < 2; ++i) {
    const Status gone = run(driver().delete_group_clone(volumes_, "proof"));
    ASSERT_TRUE(gone) << gone.error().to_string();
  }
  const auto left = run(list_volumes(first_->cluster(), {{"name", "holdfast_proof*"}}));
  ASSERT_TRUE(left) << left.error().to_string();
  EXPECT_TRUE(left->empty());
  EXPECT_TRUE(run(driver().delete_snapshot(volumes_[0], "pt_1")));
}

TEST_P(SlowOntapGroupTest, KeepsLocksOutOfGroups) {
  group();
  const UtcTime later = env::SystemClock().now() + std::chrono::hours(1);
  const auto taken = run(driver().create_group_snapshot(
      volumes_, {.name = "pt_1", .comment = "", .locked_until = later}));
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace holdfast::storage::ontap

// For tests: what every storage driver promises, whatever it drives.
//
// A bed gives one driver and one empty volume to a test; include this file in the driver's test
// and write
//
//   INSTANTIATE_TYPED_TEST_SUITE_P(Btrfs, DriverContract, BtrfsBed);
//
// A bed has: `static std::string unavailable()` (why it cannot run here, or empty), `Driver&
// driver()`, `std::string path()` (a directory of the volume) and `std::string outside()` (a path
// that the driver must refuse as not found).
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "core/async/run.h"
#include "drivers/storage/driver.h"

namespace holdfast::storage {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

template <class Bed>
class DriverContract : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = Bed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace();
    auto found = run(driver().resolve(bed_->path()));
    ASSERT_TRUE(found) << found.error().to_string();
    volume_ = *std::move(found);
  }

  template <class T>
  T run(async::Co<T> co) {
    return async::block_on(loop_.executor(), std::move(co));
  }

  Driver& driver() { return bed_->driver(); }
  bool can_snapshot() { return driver().capabilities().snapshots; }
  std::string file(const std::string& name) { return bed_->path() + "/" + name; }
  Snapshot snapshot(const std::string& name, const std::string& comment = "") {
    auto made = run(driver().create_snapshot(volume_, {.name = name, .comment = comment}));
    EXPECT_TRUE(made) << made.error().to_string();
    return made ? *made : Snapshot();
  }
  ReadView view(const std::string& name) {
    auto found = run(driver().read_view(volume_, name));
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : ReadView();
  }

  async::Pool loop_{"loop", 1};
  std::optional<Bed> bed_;
  Volume volume_;
};

TYPED_TEST_SUITE_P(DriverContract);

TYPED_TEST_P(DriverContract, DescribesItsSystem) {
  const auto info = this->run(this->driver().describe(this->bed_->path()));
  ASSERT_TRUE(info) << info.error().to_string();
  EXPECT_EQ(info->kind, this->driver().kind());
  EXPECT_FALSE(info->id.empty());
  EXPECT_FALSE(info->detail.empty());
}

TYPED_TEST_P(DriverContract, ResolvesTheSamePathToTheSameVolume) {
  const auto again = this->run(this->driver().resolve(this->bed_->path() + "/."));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->id, this->volume_.id);
  EXPECT_EQ(again->path, this->volume_.path);
  EXPECT_TRUE(this->volume_.path.starts_with(this->volume_.root));
}

TYPED_TEST_P(DriverContract, RefusesWhatIsNotThereOrNoDirectory) {
  const auto gone = this->run(this->driver().resolve(this->bed_->outside()));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Code::kNotFound);
  write_file(this->file("plain"), "x");
  const auto plain = this->run(this->driver().resolve(this->file("plain")));
  ASSERT_FALSE(plain);
  EXPECT_EQ(plain.error().code(), Code::kInvalidArgument);
  const auto relative = this->run(this->driver().resolve("somewhere"));
  ASSERT_FALSE(relative);
  EXPECT_EQ(relative.error().code(), Code::kInvalidArgument);
}

TYPED_TEST_P(DriverContract, SaysThatAGoodVolumeIsReady) {
  const auto ready = this->run(this->driver().verify_connectivity(this->volume_));
  EXPECT_TRUE(ready) << ready.error().to_string();
}

TYPED_TEST_P(DriverContract, SaysThatAVolumeHasGone) {
  Volume gone = this->volume_;
  gone.root = gone.path = this->bed_->outside();
  EXPECT_FALSE(this->run(this->driver().verify_connectivity(gone)));
}

TYPED_TEST_P(DriverContract, ReportsSpaceOrRefuses) {
  const auto space = this->run(this->driver().space(this->volume_));
  ASSERT_EQ(space.has_value(), this->driver().capabilities().space);
  if (space) {
    EXPECT_GT(space->total_bytes, 0u);
    EXPECT_LE(space->available_bytes, space->total_bytes);
  }
}

TYPED_TEST_P(DriverContract, ListsNoReplicasWhereNoneAreConfigured) {
  const auto replicas = this->run(this->driver().replicas(this->volume_));
  ASSERT_TRUE(replicas) << replicas.error().to_string();
  EXPECT_TRUE(replicas->empty());
}

TYPED_TEST_P(DriverContract, ReadsTheLiveTree) {
  write_file(this->file("a"), "live");
  const ReadView live = this->view("");
  EXPECT_EQ(read_file(live.read_path + "/a"), "live");
  EXPECT_EQ(live.live_path, this->volume_.path);
}

TYPED_TEST_P(DriverContract, StatesWhatItCannotDo) {
  if (this->can_snapshot()) {
    EXPECT_NE(this->driver().capabilities().consistency, Consistency::kNone);
    return;
  }
  EXPECT_EQ(this->driver().capabilities().consistency, Consistency::kNone);
  Driver& driver = this->driver();
  const Volume& volume = this->volume_;
  EXPECT_EQ(
      this->run(driver.create_snapshot(volume, {.name = "pt_1", .comment = ""})).error().code(),
      Code::kFailedPrecondition);
  EXPECT_EQ(this->run(driver.list_snapshots(volume)).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(this->run(driver.delete_snapshot(volume, "pt_1")).error().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(this->run(driver.unchanged_since(volume, "pt_1")).error().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(this->run(driver.read_view(volume, "pt_1")).error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(this->run(driver.create_clone(volume, "pt_1", "c")).error().code(),
            Code::kFailedPrecondition);
  EXPECT_EQ(this->run(driver.delete_clone(volume, "c")).error().code(), Code::kFailedPrecondition);
}

TYPED_TEST_P(DriverContract, KeepsInASnapshotWhatTheLiveTreeLoses) {
  if (!this->can_snapshot()) {
    return;
  }
  write_file(this->file("a"), "before");
  this->snapshot("pt_1");
  write_file(this->file("a"), "after");
  write_file(this->file("b"), "new");
  const ReadView view = this->view("pt_1");
  EXPECT_EQ(read_file(view.read_path + "/a"), "before");
  struct stat status{};
  EXPECT_NE(::stat((view.read_path + "/b").c_str(), &status), 0);
  EXPECT_EQ(view.live_path, this->volume_.path);
  EXPECT_NE(view.read_path, view.live_path);
  EXPECT_EQ(view.consistency, this->driver().capabilities().consistency);
}

TYPED_TEST_P(DriverContract, GivesEverySnapshotTheSameDevice) {
  if (!this->can_snapshot()) {
    return;
  }
  this->snapshot("pt_1");
  this->snapshot("pt_2");
  const ReadView first = this->view("pt_1");
  EXPECT_NE(first.device_id, 0u);
  EXPECT_EQ(first.device_id, this->view("pt_2").device_id);
  EXPECT_EQ(first.device_id, this->view("").device_id);
}

TYPED_TEST_P(DriverContract, MakesASnapshotOnceHoweverOftenItIsAsked) {
  if (!this->can_snapshot()) {
    return;
  }
  write_file(this->file("a"), "first");
  const Snapshot first = this->snapshot("pt_1", "resource r, 02:00");
  write_file(this->file("a"), "second");
  const Snapshot again = this->snapshot("pt_1", "another comment");
  EXPECT_EQ(again.time, first.time);
  EXPECT_EQ(again.comment, "resource r, 02:00");
  EXPECT_EQ(again.version, first.version);
  EXPECT_EQ(read_file(this->view("pt_1").read_path + "/a"), "first");
}

TYPED_TEST_P(DriverContract, ListsItsSnapshotsOldestFirst) {
  if (!this->can_snapshot()) {
    return;
  }
  const auto none = this->run(this->driver().list_snapshots(this->volume_));
  ASSERT_TRUE(none) << none.error().to_string();
  EXPECT_TRUE(none->empty());
  this->snapshot("pt_b", "one");
  this->snapshot("pt_a", "two");
  const auto both = this->run(this->driver().list_snapshots(this->volume_));
  ASSERT_TRUE(both) << both.error().to_string();
  ASSERT_EQ(both->size(), 2u);
  EXPECT_EQ((*both)[0].name, "pt_b");
  EXPECT_EQ((*both)[0].comment, "one");
  EXPECT_EQ((*both)[1].name, "pt_a");
  EXPECT_LE((*both)[0].time, (*both)[1].time);
}

TYPED_TEST_P(DriverContract, DeletesASnapshotAndIsContentWhenItIsGone) {
  if (!this->can_snapshot()) {
    return;
  }
  this->snapshot("pt_1");
  this->snapshot("pt_2");
  for (int i = 0; i < 2; ++i) {
    const auto deleted = this->run(this->driver().delete_snapshot(this->volume_, "pt_1"));
    EXPECT_TRUE(deleted) << deleted.error().to_string();
  }
  const auto left = this->run(this->driver().list_snapshots(this->volume_));
  ASSERT_TRUE(left) << left.error().to_string();
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ((*left)[0].name, "pt_2");
  const auto view = this->run(this->driver().read_view(this->volume_, "pt_1"));
  ASSERT_FALSE(view);
  EXPECT_EQ(view.error().code(), Code::kNotFound);
}

TYPED_TEST_P(DriverContract, RefusesNamesThatLeaveTheirPlace) {
  if (!this->can_snapshot()) {
    return;
  }
  for (const std::string name : {"", ".", "..", "a/b", "../x", ".hidden", "a b", "a\n"}) {
    const auto made =
        this->run(this->driver().create_snapshot(this->volume_, {.name = name, .comment = ""}));
    ASSERT_FALSE(made) << name;
    EXPECT_EQ(made.error().code(), Code::kInvalidArgument);
    EXPECT_FALSE(this->run(this->driver().delete_snapshot(this->volume_, name))) << name;
  }
}

TYPED_TEST_P(DriverContract, KnowsWhetherAnythingHasChanged) {
  if (!this->driver().capabilities().change_detection) {
    return;
  }
  write_file(this->file("a"), "before");
  const Snapshot first = this->snapshot("pt_1");
  const auto same = this->run(this->driver().unchanged_since(this->volume_, "pt_1"));
  ASSERT_TRUE(same) << same.error().to_string();
  EXPECT_TRUE(*same);
  EXPECT_EQ(this->snapshot("pt_2").version, first.version);
  write_file(this->file("a"), "after");
  const auto changed = this->run(this->driver().unchanged_since(this->volume_, "pt_2"));
  ASSERT_TRUE(changed) << changed.error().to_string();
  EXPECT_FALSE(*changed);
  EXPECT_NE(this->snapshot("pt_3").version, first.version);
  const auto gone = this->run(this->driver().unchanged_since(this->volume_, "pt_9"));
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), Code::kNotFound);
}

TYPED_TEST_P(DriverContract, ClonesASnapshotWithoutTouchingIt) {
  if (!this->driver().capabilities().clones) {
    return;
  }
  write_file(this->file("a"), "kept");
  this->snapshot("pt_1");
  const auto clone = this->run(this->driver().create_clone(this->volume_, "pt_1", "proof_1"));
  ASSERT_TRUE(clone) << clone.error().to_string();
  EXPECT_EQ(read_file(clone->path + "/a"), "kept");
  write_file(clone->path + "/a", "scribbled");
  EXPECT_EQ(read_file(this->view("pt_1").read_path + "/a"), "kept");
  EXPECT_EQ(read_file(this->file("a")), "kept");
  const auto again = this->run(this->driver().create_clone(this->volume_, "pt_1", "proof_1"));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->path, clone->path);
  const auto listed = this->run(this->driver().list_snapshots(this->volume_));
  EXPECT_EQ(listed->size(), 1u) << "a clone is no snapshot";
  for (int i = 0; i < 2; ++i) {
    const auto deleted = this->run(this->driver().delete_clone(this->volume_, "proof_1"));
    EXPECT_TRUE(deleted) << deleted.error().to_string();
  }
  struct stat status{};
  EXPECT_NE(::stat(clone->path.c_str(), &status), 0);
}

REGISTER_TYPED_TEST_SUITE_P(DriverContract, DescribesItsSystem, ResolvesTheSamePathToTheSameVolume,
                            RefusesWhatIsNotThereOrNoDirectory, SaysThatAGoodVolumeIsReady,
                            SaysThatAVolumeHasGone, ReportsSpaceOrRefuses,
                            ListsNoReplicasWhereNoneAreConfigured, ReadsTheLiveTree,
                            StatesWhatItCannotDo, KeepsInASnapshotWhatTheLiveTreeLoses,
                            GivesEverySnapshotTheSameDevice,
                            MakesASnapshotOnceHoweverOftenItIsAsked, ListsItsSnapshotsOldestFirst,
                            DeletesASnapshotAndIsContentWhenItIsGone,
                            RefusesNamesThatLeaveTheirPlace, KnowsWhetherAnythingHasChanged,
                            ClonesASnapshotWithoutTouchingIt);

}  // namespace holdfast::storage

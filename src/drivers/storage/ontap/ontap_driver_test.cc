#include "drivers/storage/ontap/ontap_driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/env/posix/system_clock.h"
#include "drivers/storage/driver_contract.h"
#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/errors.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/ontap/usage.h"

namespace holdfast::storage {
namespace {

namespace fs = std::filesystem;
using ontap::testing::OntapBed;
using ontap::testing::Simulator;
using ontap::testing::Way;

class DirectBed : public OntapBed {
 public:
  DirectBed() : OntapBed(Way::kDirect) {}
};

class GatewayBed : public OntapBed {
 public:
  GatewayBed() : OntapBed(Way::kGateway) {}
};

INSTANTIATE_TYPED_TEST_SUITE_P(SlowOntapDirect, DriverContract, DirectBed);
INSTANTIATE_TYPED_TEST_SUITE_P(SlowOntapGateway, DriverContract, GatewayBed);

class OntapDriverTest : public ::testing::TestWithParam<Way> {
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

  template <class T>
  T run(async::Co<T> co) {
    return bed_->run(std::move(co));
  }
  Driver& driver() { return bed_->driver(); }
  NativeRestore& restore() { return *driver().native_restore(); }
  std::string file(const std::string& name) { return bed_->path() + "/" + name; }
  ontap::VolumeOn on() { return {bed_->cluster(), volume_.id.substr(volume_.id.find('/') + 1)}; }
  Result<Snapshot> snapshot(SnapshotSpec spec) {
    return run(driver().create_snapshot(volume_, std::move(spec)));
  }
  void foreign_snapshot(const std::string& name) {
    ontap::Write write{.method = "POST",
                       .path = on().path(),
                       .query = {},
                       .body = JsonObject{{"name", name}},
                       .what = "make a foreign snapshot"};
    bed_->prepare(std::move(write));
  }
  std::string volume_file(const std::string& volume, const std::string& name) {
    return OntapBed::svm_root() + "/" + volume + "/" + name;
  }

  std::optional<OntapBed> bed_;
  Volume volume_;
};

INSTANTIATE_TEST_SUITE_P(Direct, OntapDriverTest, ::testing::Values(Way::kDirect));
INSTANTIATE_TEST_SUITE_P(SlowGateway, OntapDriverTest, ::testing::Values(Way::kGateway));

TEST_P(OntapDriverTest, ProtectsADirectoryInsideAVolume) {
  fs::create_directories(file("data/deep"));
  write_file(file("data/deep/a"), "inside");
  const auto inside = run(driver().resolve(file("data/deep")));
  ASSERT_TRUE(inside) << inside.error().to_string();
  EXPECT_EQ(inside->root, bed_->path());
  EXPECT_EQ(inside->id, volume_.id);
  ASSERT_TRUE(run(driver().create_snapshot(*inside, {.name = "pt_1", .comment = ""})));
  const auto view = run(driver().read_view(*inside, "pt_1"));
  ASSERT_TRUE(view) << view.error().to_string();
  EXPECT_EQ(read_file(view->read_path + "/a"), "inside");
}

TEST_P(OntapDriverTest, RefusesAPathThatNoMountHolds) {
  const auto elsewhere = run(driver().resolve("/proc"));
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code(), Code::kFailedPrecondition);
}

TEST_P(OntapDriverTest, RefusesADirectoryAboveEveryVolume) {
  const auto root = run(driver().resolve(OntapBed::svm_root()));
  ASSERT_FALSE(root) << "no volume of the simulator has the junction /";
  EXPECT_EQ(root.error().code(), Code::kFailedPrecondition);
}

TEST_P(OntapDriverTest, LeavesSnapshotsOfOthersAlone) {
  foreign_snapshot("nightly.0");
  EXPECT_TRUE(run(driver().list_snapshots(volume_))->empty());
  EXPECT_EQ(run(driver().delete_snapshot(volume_, "nightly.0")).error().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(snapshot({.name = "nightly.0", .comment = ""}).error().code(), Code::kAlreadyExists);
}

TEST_P(OntapDriverTest, KeepsASnapshotUntilItsTime) {
  const UtcTime later = env::SystemClock().now() + std::chrono::hours(24);
  const auto made = snapshot({.name = "pt_kept", .comment = "", .keep_until = later});
  ASSERT_TRUE(made) << made.error().to_string();
  const Status deleted = run(driver().delete_snapshot(volume_, "pt_kept"));
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(ontap::ontap_code(deleted.error()), 1638555);
}

TEST_P(OntapDriverTest, RefusesALockWhereLockingIsOff) {
  const UtcTime later = env::SystemClock().now() + std::chrono::hours(24);
  const auto made = snapshot({.name = "pt_locked", .comment = "", .locked_until = later});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().retry(), Retry::kPermanent);
}

TEST_P(OntapDriverTest, RefusesACommentThatOntapWouldCut) {
  const auto made = snapshot({.name = "pt_1", .comment = std::string(256, 'x')});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kInvalidArgument);
}

TEST_P(OntapDriverTest, LetsASnapshotGoOnceItsCloneHasGone) {
  write_file(file("a"), "kept");
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  const auto clone = run(driver().create_clone(volume_, "pt_1", "proof-1.x"));
  ASSERT_TRUE(clone) << clone.error().to_string();
  const Status busy = run(driver().delete_snapshot(volume_, "pt_1"));
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), Code::kConflict);
  const Status gone = run(driver().delete_clone(volume_, "proof-1.x"));
  EXPECT_TRUE(gone) << gone.error().to_string();
  const Status deleted = run(driver().delete_snapshot(volume_, "pt_1"));
  EXPECT_TRUE(deleted) << deleted.error().to_string();
}

TEST_P(OntapDriverTest, FindsWhatOthersMadeAndWhatWasLeftBehind) {
  foreign_snapshot("nightly.0");
  ASSERT_TRUE(snapshot({.name = "pt_known", .comment = ""}));
  ASSERT_TRUE(snapshot({.name = "pt_unknown", .comment = ""}));
  ASSERT_TRUE(run(driver().create_clone(volume_, "pt_known", "leaked")));
  ontap::Known known;
  known.is_protected = [this](const std::string& id) { return id == volume_.id; };
  known.has_point = [](const std::string& point) { return point == "pt_known"; };
  known.clone_in_use = [](const std::string& clone) { return clone != "holdfast_leaked"; };
  known.is_being_recovered = [](const std::string&) { return false; };
  known.drives_relation = [](const std::string&) { return true; };
  const auto found = run(ontap::find_discrepancies(bed_->cluster(), known));
  ASSERT_TRUE(found) << found.error().to_string();
  std::map<ontap::FindingKind, std::string> objects;
  for (const ontap::Finding& finding : *found) {
    objects[finding.kind] = finding.object;
  }
  EXPECT_EQ(objects.size(), 3u);
  const std::string svm = Simulator::instance().svm(0);
  EXPECT_EQ(objects[ontap::FindingKind::kForeignSnapshots], svm + ":" + bed_->name());
  EXPECT_EQ(objects[ontap::FindingKind::kUnknownPoint], svm + ":" + bed_->name() + "/pt_unknown");
  EXPECT_EQ(objects[ontap::FindingKind::kLeakedClone], svm + ":holdfast_leaked");
  const auto made = run(ontap::list_made_volumes(bed_->cluster()));
  ASSERT_TRUE(made) << made.error().to_string();
  ASSERT_EQ(made->size(), 1u);
  for (int i = 0; i < 2; ++i) {
    const Status removed = run(ontap::remove_made_volume(bed_->cluster(), made->front()));
    EXPECT_TRUE(removed) << removed.error().to_string();
  }
  EXPECT_TRUE(run(driver().delete_snapshot(volume_, "pt_known")));
}

TEST_P(OntapDriverTest, LooksOnceForAnOperationOfSeveralSteps) {
  const auto volume = run(driver().look(bed_->path()));
  ASSERT_TRUE(volume) << volume.error().to_string();
  const std::uint64_t before = on().cluster->client->requests();
  EXPECT_TRUE(run(driver().verify_connectivity(*volume)));
  EXPECT_TRUE(run(driver().space(*volume)));
  EXPECT_EQ(on().cluster->client->requests(), before);
  ASSERT_TRUE(run(driver().create_snapshot(*volume, {.name = "pt_1", .comment = ""})));
  ASSERT_TRUE(run(driver().read_view(*volume, "pt_1")));
  EXPECT_EQ(on().cluster->client->requests(), before + 2) << "make it, and see it";
  EXPECT_TRUE(run(driver().space(volume_)));
  EXPECT_EQ(on().cluster->client->requests(), before + 3) << "whoever resolves looks anew";
}

TEST_P(OntapDriverTest, SaysWhenTheVolumeIsOffline) {
  ontap::Write write{.method = "PATCH",
                     .path = "/storage/volumes/" + on().uuid,
                     .query = {},
                     .body = JsonObject{{"state", "offline"}},
                     .what = "take it offline"};
  bed_->prepare(std::move(write));
  const Status ready = run(driver().verify_connectivity(volume_));
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message().find("offline"), std::string::npos);
}

TEST_P(OntapDriverTest, RestoresAVolumeAndSaysWhatThatLoses) {
  write_file(file("a"), "first");
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  write_file(file("a"), "second");
  foreign_snapshot("between");
  ASSERT_TRUE(snapshot({.name = "pt_2", .comment = ""}));
  const auto lost = run(restore().lost_by_restore(volume_, "pt_1"));
  ASSERT_TRUE(lost) << lost.error().to_string();
  ASSERT_EQ(lost->size(), 2u);
  EXPECT_TRUE(std::any_of(lost->begin(), lost->end(),
                          [](const Snapshot& one) { return one.name == "between"; }));
  const Status restored = run(restore().restore_volume(volume_, "pt_1"));
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(read_file(file("a")), "first");
  EXPECT_EQ(run(driver().list_snapshots(volume_))->size(), 1u);
}

TEST_P(OntapDriverTest, RestoresOneFileInPlaceAndBeside) {
  fs::create_directories(file("dir"));
  write_file(file("dir/a"), "first");
  write_file(file("b"), "untouched");
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  write_file(file("dir/a"), "second");
  const Status beside = run(restore().clone_file(volume_, "pt_1", {"dir/a", "dir/a.restored"}));
  ASSERT_TRUE(beside) << beside.error().to_string();
  EXPECT_EQ(read_file(file("dir/a")), "second");
  EXPECT_EQ(read_file(file("dir/a.restored")), "first");
  const Status in_place = run(restore().restore_file(volume_, "pt_1", {"dir/a", "dir/a"}));
  ASSERT_TRUE(in_place) << in_place.error().to_string();
  EXPECT_EQ(read_file(file("dir/a")), "first");
  EXPECT_EQ(read_file(file("b")), "untouched");
}

TEST_P(OntapDriverTest, KeepsFilesToRestoreInsideTheirVolume) {
  for (const std::string path : {"", "/etc/passwd", "../x", "a/../../x", "..", ".snapshot/x/a"}) {
    const Status refused = run(restore().restore_file(volume_, "pt_1", {path, "x"}));
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code(), Code::kInvalidArgument) << path;
  }
}

TEST_P(OntapDriverTest, KeepsASnapshotLongerButNeverShorter) {
  const UtcTime day = env::SystemClock().now() + std::chrono::hours(24);
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  for (const Nanoseconds more : {Nanoseconds(0), Nanoseconds(std::chrono::hours(1))}) {
    const auto kept = run(driver().keep_snapshot(volume_, "pt_1", {.keep_until = day + more}));
    ASSERT_TRUE(kept) << kept.error().to_string();
    const auto now = run(ontap::find_snapshot(on(), "pt_1"));
    ASSERT_TRUE(now && *now);
    EXPECT_GE((*now)->expires.value_or(UtcTime()), day + more - std::chrono::seconds(1));
  }
  EXPECT_EQ(run(driver().delete_snapshot(volume_, "pt_1")).error().code(),
            Code::kFailedPrecondition);
  foreign_snapshot("nightly.1");
  EXPECT_EQ(run(driver().keep_snapshot(volume_, "nightly.1", {.keep_until = day})).error().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(run(driver().keep_snapshot(volume_, "pt_none", {.keep_until = day})).error().code(),
            Code::kNotFound);
}

TEST_P(OntapDriverTest, KeepsASnapshotOfAnEarlierAttemptAsLongAsItIsAskedTo) {
  const UtcTime day = env::SystemClock().now() + std::chrono::hours(24);
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = "", .keep_until = day}));
  EXPECT_FALSE(run(driver().delete_snapshot(volume_, "pt_1")));
}

TEST_P(OntapDriverTest, ShowsWhatASnapshotHoldsAndSaysWhenAFileIsNotInIt) {
  fs::create_directories(file("dir"));
  write_file(file("dir/a"), "12345");
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  fs::remove(file("dir/a"));
  const auto top = run(restore().list_files(volume_, "pt_1", ""));
  ASSERT_TRUE(top) << top.error().to_string();
  EXPECT_TRUE(std::any_of(top->begin(), top->end(), [](const FileEntry& entry) {
    return entry.name == "dir" && entry.type == "directory";
  }));
  const auto inside = run(restore().list_files(volume_, "pt_1", "dir"));
  ASSERT_TRUE(inside) << inside.error().to_string();
  ASSERT_EQ(inside->size(), 1u);
  EXPECT_EQ(inside->front().name, "a");
  EXPECT_EQ(inside->front().size, 5u);
  const Status missing = run(restore().restore_file(volume_, "pt_1", {"dir/b", "dir/b"}));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_NE(missing.error().message().find("holds no 'dir/b'"), std::string::npos);
}

TEST_P(OntapDriverTest, RestoresADirectoryWhole) {
  fs::create_directories(file("dir/deep"));
  write_file(file("dir/a"), "first");
  write_file(file("dir/deep/b"), "second");
  write_file(file("outside"), "untouched");
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  fs::remove_all(file("dir"));
  const Status restored = run(restore().restore_file(volume_, "pt_1", {"dir", "dir"}));
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(read_file(file("dir/a")), "first");
  EXPECT_EQ(read_file(file("dir/deep/b")), "second");
  EXPECT_EQ(read_file(file("outside")), "untouched");
  EXPECT_EQ(run(restore().clone_file(volume_, "pt_1", {"dir", "dir2"})).error().code(),
            Code::kFailedPrecondition);
}

TEST_P(OntapDriverTest, CopiesFilesToAnotherVolume) {
  write_file(file("a"), "first");
  write_file(file("b"), "second");
  ASSERT_TRUE(snapshot({.name = "pt_1", .comment = ""}));
  write_file(file("a"), "broken");
  OntapBed other(GetParam());
  const std::string target = Simulator::instance().svm(0) + ":" + other.name();
  const Status copied =
      run(restore().copy_files(volume_, "pt_1", {{"a", "a.back"}, {"b", "b.back"}}, target));
  ASSERT_TRUE(copied) << copied.error().to_string();
  EXPECT_EQ(read_file(other.path() + "/a.back"), "first");
  EXPECT_EQ(read_file(other.path() + "/b.back"), "second");
  EXPECT_EQ(read_file(file("a")), "broken");
  EXPECT_EQ(run(restore().copy_files(volume_, "pt_1", {{"a", "a"}}, "nowhere")).error().code(),
            Code::kInvalidArgument);
}

TEST_P(OntapDriverTest, AdoptsASnapshotOfOthers) {
  write_file(file("a"), "first");
  foreign_snapshot("nightly.0");
  const auto adopted = run(ontap::adopt_snapshot(on(), "nightly.0", "pt_1", "was nightly.0"));
  ASSERT_TRUE(adopted) << adopted.error().to_string();
  EXPECT_EQ(run(ontap::adopt_snapshot(on(), "nightly.0", "pt_1", "")).error().code(),
            Code::kNotFound);
  EXPECT_EQ(run(ontap::adopt_snapshot(on(), "pt_1", "pt_2", "")).error().code(),
            Code::kFailedPrecondition);
  const auto ours = run(driver().list_snapshots(volume_));
  ASSERT_TRUE(ours) << ours.error().to_string();
  ASSERT_EQ(ours->size(), 1u);
  EXPECT_EQ(ours->front().name, "pt_1");
  EXPECT_EQ(ours->front().comment, "was nightly.0");
  EXPECT_EQ(read_file(run(driver().read_view(volume_, "pt_1"))->read_path + "/a"), "first");
  EXPECT_TRUE(run(driver().delete_snapshot(volume_, "pt_1")));
}

TEST_P(OntapDriverTest, TakesTheInventoryOfACluster) {
  const auto found = run(ontap::take_inventory(bed_->cluster()));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_FALSE(found->svms.empty());
  ASSERT_FALSE(found->aggregates.empty());
  EXPECT_GT(found->aggregates.front().size, 0u);
  const auto own = std::find_if(found->volumes.begin(), found->volumes.end(),
                                [&](const auto& volume) { return volume.name == bed_->name(); });
  ASSERT_NE(own, found->volumes.end());
  EXPECT_EQ(own->size, 1u << 30);
  EXPECT_EQ(own->junction, "/" + bed_->name());
  EXPECT_FALSE(found->policies.empty());
  ASSERT_FALSE(found->nodes.empty());
  EXPECT_EQ(found->nodes.front().state, "up");
  EXPECT_FALSE(found->snapshot_policies.empty());
  const std::string west = Simulator::instance().cluster_name(1);
  ASSERT_EQ(found->peers.size(), 1u);
  EXPECT_EQ(found->peers.front().name, west);
  ASSERT_FALSE(found->svm_peers.empty());
  EXPECT_EQ(found->svm_peers.front().peer_cluster, west);
}

TEST_P(OntapDriverTest, TellsHowAVolumeIsUsed) {
  const auto usage = run(ontap::volume_usage(on().cluster, on().uuid, "1d"));
  ASSERT_TRUE(usage) << usage.error().to_string();
  EXPECT_EQ(usage->samples + usage->incomplete, 288);
  EXPECT_GT(usage->read_iops + usage->write_iops, 0);
}

}  // namespace
}  // namespace holdfast::storage

#include "drivers/storage/ontap/ontap_driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "core/env/posix/system_clock.h"
#include "drivers/storage/driver_contract.h"
#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/connection_check.h"
#include "drivers/storage/ontap/errors.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/testing/bed.h"

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

class OntapDriverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace();
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
    const auto made = run(on().cluster->client->write(std::move(write)));
    ASSERT_TRUE(made) << made.error().to_string();
  }
  std::string volume_file(const std::string& volume, const std::string& name) {
    return OntapBed::svm_root() + "/" + volume + "/" + name;
  }

  std::optional<DirectBed> bed_;
  Volume volume_;
};

TEST_F(OntapDriverTest, ProtectsADirectoryInsideAVolume) {
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

TEST_F(OntapDriverTest, RefusesAPathThatNoMountHolds) {
  const auto elsewhere = run(driver().resolve("/proc"));
  ASSERT_FALSE(elsewhere);
  EXPECT_EQ(elsewhere.error().code(), Code::kFailedPrecondition);
}

TEST_F(OntapDriverTest, RefusesADirectoryAboveEveryVolume) {
  const auto root = run(driver().resolve(OntapBed::svm_root()));
  ASSERT_FALSE(root) << "no volume of the simulator has the junction /";
  EXPECT_EQ(root.error().code(), Code::kFailedPrecondition);
}

TEST_F(OntapDriverTest, LeavesSnapshotsOfOthersAlone) {
  foreign_snapshot("nightly.0");
  EXPECT_TRUE(run(driver().list_snapshots(volume_))->empty());
  EXPECT_EQ(run(driver().delete_snapshot(volume_, "nightly.0")).error().code(),
            Code::kPermissionDenied);
  EXPECT_EQ(snapshot({.name = "nightly.0", .comment = ""}).error().code(), Code::kAlreadyExists);
}

TEST_F(OntapDriverTest, KeepsASnapshotUntilItsTime) {
  const UtcTime later = env::SystemClock().now() + std::chrono::hours(24);
  const auto made = snapshot({.name = "pt_kept", .comment = "", .keep_until = later});
  ASSERT_TRUE(made) << made.error().to_string();
  const Status deleted = run(driver().delete_snapshot(volume_, "pt_kept"));
  ASSERT_FALSE(deleted);
  EXPECT_EQ(deleted.error().code(), Code::kFailedPrecondition);
  EXPECT_EQ(ontap::ontap_code(deleted.error()), 1638555);
}

TEST_F(OntapDriverTest, RefusesALockWhereLockingIsOff) {
  const UtcTime later = env::SystemClock().now() + std::chrono::hours(24);
  const auto made = snapshot({.name = "pt_locked", .comment = "", .locked_until = later});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().retry(), Retry::kPermanent);
}

TEST_F(OntapDriverTest, RefusesACommentThatOntapWouldCut) {
  const auto made = snapshot({.name = "pt_1", .comment = std::string(256, 'x')});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), Code::kInvalidArgument);
}

TEST_F(OntapDriverTest, LetsASnapshotGoOnceItsCloneHasGone) {
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

TEST_F(OntapDriverTest, FindsWhatOthersMadeAndWhatWasLeftBehind) {
  foreign_snapshot("nightly.0");
  ASSERT_TRUE(snapshot({.name = "pt_known", .comment = ""}));
  ASSERT_TRUE(snapshot({.name = "pt_unknown", .comment = ""}));
  ASSERT_TRUE(run(driver().create_clone(volume_, "pt_known", "leaked")));
  ontap::Known known;
  known.is_protected = [this](const std::string& id) { return id == volume_.id; };
  known.has_point = [](const std::string& point) { return point == "pt_known"; };
  known.clone_in_use = [](const std::string& clone) { return clone != "holdfast_leaked"; };
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
  EXPECT_EQ(*run(ontap::remove_leaked_clones(bed_->cluster(), known)), 1);
  EXPECT_TRUE(run(driver().delete_snapshot(volume_, "pt_known")));
}

TEST_F(OntapDriverTest, SaysWhenTheVolumeIsOffline) {
  ontap::Write write{.method = "PATCH",
                     .path = "/storage/volumes/" + on().uuid,
                     .query = {},
                     .body = JsonObject{{"state", "offline"}},
                     .what = "take it offline"};
  ASSERT_TRUE(run(on().cluster->client->write(std::move(write))));
  const Status ready = run(driver().verify_connectivity(volume_));
  ASSERT_FALSE(ready);
  EXPECT_NE(ready.error().message().find("offline"), std::string::npos);
}

TEST_F(OntapDriverTest, RestoresAVolumeAndSaysWhatThatLoses) {
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

TEST_F(OntapDriverTest, RestoresOneFileInPlaceAndBeside) {
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

TEST_F(OntapDriverTest, KeepsFilesToRestoreInsideTheirVolume) {
  for (const std::string path : {"", "/etc/passwd", "../x", "a/../../x", "..", ".snapshot/x/a"}) {
    const Status refused = run(restore().restore_file(volume_, "pt_1", {path, "x"}));
    ASSERT_FALSE(refused) << path;
    EXPECT_EQ(refused.error().code(), Code::kInvalidArgument) << path;
  }
}

TEST_F(OntapDriverTest, TakesTheInventoryOfACluster) {
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
}

class OntapConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string& why = Simulator::instance().unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    endpoint_ = Simulator::instance().cluster(0);
    endpoint_.mounts.clear();
  }
  ontap::ConnectionReport report() {
    auto system = ontap::System::create(clock_, endpoint_);
    EXPECT_TRUE(system) << system.error().to_string();
    return async::block_on(loop_.executor(), ontap::test_connection(*system, &pool_));
  }
  // The one thing that is wrong.
  ontap::Check failure() {
    for (const ontap::Check& check : report().checks) {
      if (!check.good) {
        return check;
      }
    }
    ADD_FAILURE() << "everything is good";
    return {};
  }

  env::SystemClock clock_;
  async::Pool pool_{"storage", 1};
  async::Pool loop_{"loop", 1};
  ontap::Endpoint endpoint_;
};

TEST_F(OntapConnectionTest, IsGoodForASystemThatIsReady) {
  const auto found = report();
  EXPECT_TRUE(found.good()) << to_pretty_text(ontap::to_json(found));
  EXPECT_GT(found.checks.size(), 5u);
}

TEST_F(OntapConnectionTest, SaysWhenThePasswordIsWrong) {
  endpoint_.password = SecretString("wrong");
  const ontap::Check check = failure();
  EXPECT_EQ(check.name, "connection");
  EXPECT_NE(check.advice.find("user and password"), std::string::npos);
}

TEST_F(OntapConnectionTest, SaysWhenTheCertificateIsNotTrustedAndWhichItIs) {
  endpoint_.tls = {};
  EXPECT_NE(failure().advice.find("tls.ca_file"), std::string::npos);
  endpoint_.tls.pin = std::string(64, '0');
  const std::string advice = failure().advice;
  EXPECT_NE(advice.find("set tls.pin"), std::string::npos) << advice;
  endpoint_.tls.pin = advice.substr(std::string("compare ").size(), 64);
  EXPECT_TRUE(report().good());
}

TEST_F(OntapConnectionTest, SaysWhatAUserWhoMayOnlyReadLacks) {
  endpoint_ = Simulator::as_reader(endpoint_);
  const ontap::Check check = failure();
  EXPECT_EQ(check.name, "right to change: /storage/volumes");
  EXPECT_NE(check.advice.find("'all' to /api/storage/volumes"), std::string::npos) << check.advice;
}

TEST_F(OntapConnectionTest, SaysWhenNobodyAnswers) {
  endpoint_.base_url = "https://127.0.0.1:1";
  EXPECT_NE(failure().advice.find("address"), std::string::npos);
}

TEST_F(OntapConnectionTest, SaysWhenAMountIsNotWhatItShouldBe) {
  endpoint_.mounts["svm1:/nowhere"] = "/proc";
  EXPECT_EQ(failure().name, "mount: svm1:/nowhere");
}

}  // namespace
}  // namespace holdfast::storage

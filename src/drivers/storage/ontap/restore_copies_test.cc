// What comes back from the second cluster: files and whole volumes, over the original and beside
// it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/relations.h"
#include "drivers/storage/ontap/splits.h"
#include "drivers/storage/ontap/testing/mirrored.h"

namespace holdfast::storage::ontap {
namespace {

namespace fs = std::filesystem;
using testing::OntapBed;
using testing::read_file;
using testing::Simulator;
using testing::Way;
using testing::write_file;

class SlowOntapCopyTest : public testing::Mirrored {
 protected:
  std::vector<std::string> snapshots() {
    std::vector<std::string> names;
    const auto all = run(driver().list_snapshots(volume_));
    EXPECT_TRUE(all) << all.error().to_string();
    for (const Snapshot& one : *all) {
      names.push_back(one.name);
    }
    return names;
  }
  std::optional<VolumeInfo> volume(const std::string& name, int number = 0) {
    const auto found =
        run(find_volume(bed_->cluster(number), Simulator::instance().svm(number), name));
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : std::nullopt;
  }
  void expect_no_restores() {
    const auto left = run(list_relations(bed_->cluster(), {}));
    ASSERT_TRUE(left) << left.error().to_string();
    for (const RelationInfo& one : *left) {
      EXPECT_FALSE(one.restores) << "a restore left its relation to " << one.relation.destination;
    }
  }
  // A repeated fetch finds what the first has made, and a repeated drop finds nothing.
  void drop_after_another_attempt(const CopySource& source, const std::string& path) {
    const auto again = run(restore().fetch_copy(volume_, source, "run_1"));
    ASSERT_TRUE(again) << again.error().to_string();
    EXPECT_EQ(again->path, path);
    for (int i = 0; i < 2; ++i) {
      const Status dropped = run(restore().drop_fetched(volume_, source.relation, "run_1"));
      ASSERT_TRUE(dropped) << dropped.error().to_string();
    }
  }
  std::string beside(const std::string& name) const { return bed_->svm_root() + "/" + name; }
};

INSTANTIATE_TEST_SUITE_P(SlowBothWays, SlowOntapCopyTest,
                         ::testing::Values(Way::kDirect, Way::kGateway), testing::way_name);

TEST_P(SlowOntapCopyTest, RestoresFilesOverTheOriginal) {
  const Relation relation = mirror_with_point();
  write_file(file("a"), "broken");
  write_file(file("other"), "untouched");
  const CopySource source{relation.id, "pt_1", {{"a", "a.restored"}}, ""};
  ASSERT_TRUE(run(restore().can_restore_copy(volume_, source)));
  const Status restored = run(restore().restore_copy(volume_, source));
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(read_file(file("a.restored")), "first");
  EXPECT_EQ(read_file(file("a")), "broken");
  EXPECT_EQ(read_file(file("other")), "untouched");
  expect_no_restores();
}

TEST_P(SlowOntapCopyTest, RestoresTheWholeVolumeAndKeepsItsSnapshots) {
  const Relation relation = mirror_with_point();
  write_file(file("a"), "broken");
  write_file(file("later"), "written since");
  snapshot("pt_2");
  const CopySource source{relation.id, "pt_1"};
  const Status possible = run(restore().can_restore_copy(volume_, source));
  ASSERT_TRUE(possible) << possible.error().to_string();
  const Status restored = run(restore().restore_copy(volume_, source));
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(read_file(file("a")), "first");
  EXPECT_FALSE(fs::exists(file("later")));
  EXPECT_EQ(snapshots(), (std::vector<std::string>{"pt_1", "pt_2"}));
  expect_no_restores();
  const auto updated = run(replication().update(relation.id, ""));
  EXPECT_TRUE(updated) << updated.error().to_string();
}

TEST_P(SlowOntapCopyTest, FillsANewVolumeAtAPlace) {
  const Relation relation = mirror_with_point();
  write_file(file("a"), "broken");
  const std::string name = bed_->name() + "_new";
  const CopySource source{relation.id, "pt_1", {}, beside(name)};
  for (int i = 0; i < 2; ++i) {  // what an interrupted attempt has made is taken
    const Status restored = run(restore().restore_copy(volume_, source));
    ASSERT_TRUE(restored) << restored.error().to_string();
  }
  EXPECT_EQ(read_file(beside(name) + "/a"), "first");
  EXPECT_EQ(read_file(file("a")), "broken");
  ASSERT_TRUE(volume(name));
  EXPECT_EQ(volume(name)->type, "rw");
  EXPECT_FALSE(is_made_by_us(*volume(name))) << "it stays";
  expect_no_restores();
  const Status taken = run(restore().can_restore_copy(volume_, source));
  ASSERT_FALSE(taken);
  EXPECT_NE(taken.error().message().find("something is there already"), std::string::npos);
}

TEST_P(SlowOntapCopyTest, BeginsAnewWhereAnAttemptLeftAPart) {
  const Relation relation = mirror_with_point();
  const std::string name = bed_->name() + "_part";
  const VolumeInfo original = *volume(bed_->name());
  ASSERT_TRUE(run(
      make_replica_volume(bed_->cluster(), original, name, recovered_comment(original, "pt_1"))));
  const std::string part = volume(name)->uuid;
  const Status restored =
      run(restore().restore_copy(volume_, {relation.id, "pt_1", {}, beside(name)}));
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(read_file(beside(name) + "/a"), "first");
  EXPECT_NE(volume(name)->uuid, part);
}

TEST_P(SlowOntapCopyTest, LeavesAVolumeOfOthersAlone) {
  const Relation relation = mirror_with_point();
  const std::string name = bed_->name() + "_theirs";
  ASSERT_TRUE(run(make_replica_volume(bed_->cluster(), *volume(bed_->name()), name, "of others")));
  const Status refused =
      run(restore().restore_copy(volume_, {relation.id, "pt_1", {}, beside(name)}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kConflict);
}

TEST_P(SlowOntapCopyTest, AnObjectStoreFillsNewVolumesOnly) {
  write_file(file("a"), "first");
  const std::string store = "store_" + bed_->name();
  bed_->prepare({.method = "POST",
                 .path = "/cloud/targets",
                 .query = {},
                 .body = JsonObject{{"name", store},
                                    {"owner", "snapmirror"},
                                    {"provider_type", "AWS_S3"},
                                    {"container", store}},
                 .what = "make an object store"});
  const std::string policy = "p_" + store;
  ASSERT_TRUE(run(replication().put_policy(bed_->cluster()->uuid, {policy, {{"other", 10, ""}}})));
  const auto made = run(replication().create(volume_, {.destination = store + ":/objstore",
                                                       .destination_cluster = "",
                                                       .policy = policy,
                                                       .schedule = ""}));
  ASSERT_TRUE(made) << made.error().to_string();
  snapshot("pt_1");
  const auto without = run(replication().update(made->id, "pt_1"));
  ASSERT_FALSE(without) << "the policy takes other labels only, so nothing of ours is in the store";
  EXPECT_NE(without.error().message().find("a rule for the label"), std::string::npos);
  ASSERT_TRUE(
      run(replication().put_policy(bed_->cluster()->uuid, {policy, {{"holdfast", 10, ""}}})));
  const auto sent = run(replication().update(made->id, "pt_1"));
  ASSERT_TRUE(sent) << sent.error().to_string();
  const Status over = run(restore().can_restore_copy(volume_, {made->id, "pt_1"}));
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(over.error().message().find("no snapshot in common"), std::string::npos);
  const CopySource source{made->id, "pt_1", {}, beside(bed_->name() + "_new")};
  ASSERT_TRUE(run(restore().can_restore_copy(volume_, source)));
  const Status restored = run(restore().restore_copy(volume_, source));
  ASSERT_TRUE(restored) << restored.error().to_string();
  EXPECT_EQ(read_file(source.place + "/a"), "first");
  expect_no_restores();
}

TEST_P(SlowOntapCopyTest, ReadsACopyOnACloneBesideIt) {
  const Relation relation = mirror_with_point();
  write_file(file("a"), "broken");
  const CopySource source{relation.id, "pt_1"};
  const auto fetched = run(restore().fetch_copy(volume_, source, "run_1"));
  ASSERT_TRUE(fetched) << fetched.error().to_string();
  EXPECT_EQ(fetched->means, FetchedCopy::Means::kCloned);
  EXPECT_EQ(read_file(fetched->path + "/a"), "first");
  EXPECT_FALSE(volume(clone_volume_name("run_1"))) << "nothing is made on the first cluster";
  drop_after_another_attempt(source, fetched->path);
  EXPECT_FALSE(volume(clone_volume_name("run_1"), 1));
  EXPECT_TRUE(run(replication().update(relation.id, ""))) << "the copy itself is as it was";
}

TEST_P(SlowOntapCopyTest, ReadsACopyWhereItsVolumeIsMounted) {
  const Relation relation = mirror_with_point();
  ASSERT_TRUE(run(replication().serve(relation.id, "/" + copy_)));
  const auto found = run(restore().fetch_copy(volume_, {relation.id, "pt_1"}, "run_2"));
  ASSERT_TRUE(found) << found.error().to_string();
  EXPECT_EQ(found->means, FetchedCopy::Means::kMounted);
  EXPECT_EQ(read_file(found->path + "/a"), "first");
}

// The second cluster's volumes cannot be seen here.
class SlowOntapFarCopyTest : public SlowOntapCopyTest {
 protected:
  SlowOntapFarCopyTest() { mounted_ = OntapBed::Mounted::kFirst; }
};

INSTANTIATE_TEST_SUITE_P(SlowBothWays, SlowOntapFarCopyTest,
                         ::testing::Values(Way::kDirect, Way::kGateway), testing::way_name);

TEST_P(SlowOntapFarCopyTest, BringsACopyBackToANewVolumeThatGoesAgain) {
  const Relation relation = mirror_with_point();
  write_file(file("a"), "broken");
  const CopySource source{relation.id, "pt_1"};
  const auto fetched = run(restore().fetch_copy(volume_, source, "run_1"));
  ASSERT_TRUE(fetched) << fetched.error().to_string();
  EXPECT_EQ(fetched->means, FetchedCopy::Means::kTransferred);
  EXPECT_EQ(read_file(fetched->path + "/a"), "first");
  drop_after_another_attempt(source, fetched->path);
  EXPECT_FALSE(fs::exists(fetched->path + "/a"));
  EXPECT_FALSE(volume(clone_volume_name("run_1")));
  EXPECT_FALSE(volume(clone_volume_name("run_1"), 1));
  EXPECT_EQ(read_file(file("a")), "broken");
  expect_no_restores();
}

}  // namespace
}  // namespace holdfast::storage::ontap

// SnapMirror between the two clusters of a simulator: states, bytes, references.
#include "simulators/ontap/snapmirror/relationship.h"

#include <gtest/gtest.h>

#include "simulators/ontap/testing/mirrored.h"

namespace holdfast::ontap_sim {
namespace {

class RelationshipTest : public Mirrored {
 protected:
  // A relationship that restores on the first cluster.
  std::string restore_to(const std::string& from, const std::string& to) {
    const Reply made = write(
        "POST", "/snapmirror/relationships?return_records=true",
        {{"source", {{"path", from}}}, {"destination", {{"path", to}}}, {"restore", true}}, 1);
    EXPECT_EQ(made.status, 201) << made.raw;
    return "/snapmirror/relationships/" + text_at(made.records().front(), "uuid");
  }
  void make_volume(const std::string& name, const std::string& type) {
    const Reply made = write("POST", "/storage/volumes",
                             {{"name", name},
                              {"type", type},
                              {"svm", {{"name", "svm1"}}},
                              {"aggregates", JsonArray{JsonObject{{"name", "aggr1"}}}}});
    EXPECT_EQ(made.status, 201) << made.raw;
  }
};

TEST_F(RelationshipTest, ABaselineAndAnUpdateMoveOnlyWhatChanged) {
  put(path_to("data1", "big"), std::string(100 * 4096, 'a'));
  put(path_to("data1", "d/small"), "one");
  const std::string path = mirror();
  EXPECT_EQ(content(path_to("copy1", "d/small", 2)), "one");
  EXPECT_EQ(state(path), "snapmirrored");
  EXPECT_EQ(int_at(get(path + "?fields=transfer", 2).body, "transfer.bytes_transferred"),
            100 * 4096 + 3);
  std::string changed(100 * 4096, 'a');
  changed[5 * 4096 + 7] = 'b';
  put(path_to("data1", "big"), changed);
  std::filesystem::remove(path_to("data1", "d/small"));
  EXPECT_EQ(update(path), "success");
  EXPECT_EQ(int_at(get(path + "?fields=transfer", 2).body, "transfer.bytes_transferred"), 4096);
  EXPECT_EQ(content(path_to("copy1", "big", 2)), changed);
  EXPECT_FALSE(std::filesystem::exists(path_to("copy1", "d/small", 2)));
  const Reply row = get(path + "?fields=lag_time,exported_snapshot,healthy", 2);
  EXPECT_TRUE(row.text("lag_time").starts_with("PT"));
  EXPECT_TRUE(flag_at(row.body, "healthy"));
}

TEST_F(RelationshipTest, TheCommonSnapshotIsAReferenceOnBothSides) {
  const std::string path = mirror();
  const std::string name = get(path + "?fields=exported_snapshot", 2).text("exported_snapshot");
  for (const auto& [volume, number] : {std::pair("data1", 1), {"copy1", 2}}) {
    const std::string snapshot = "/storage/volumes/" + uuid_of(volume, number) + "/snapshots/" +
                                 snapshot_uuid(volume, name, number);
    EXPECT_EQ(texts_at(get(snapshot + "?fields=owners", number).body, "owners"),
              std::vector<std::string>{"snapmirror"});
    EXPECT_EQ(write("DELETE", snapshot, {}, number).code(), "1638543");
  }
  snapshot("data1", "later");
  const Reply back =
      write("PATCH", "/storage/volumes/" + uuid_of("data1") + "?restore_to.snapshot.name=" + name);
  EXPECT_EQ(back.status, 200);  // nothing newer is a reference
}

TEST_F(RelationshipTest, AReferenceThatIsNewerStopsARestore) {
  snapshot("data1", "old");
  mirror();
  EXPECT_EQ(write("PATCH", "/storage/volumes/" + uuid_of("data1") + "?restore_to.snapshot.name=old")
                .code(),
            "1638480");
}

TEST_F(RelationshipTest, LabelsDecideWhatIsKeptAndHowMuch) {
  const Reply policy =
      write("POST", "/snapmirror/policies",
            {{"name", "keep2"},
             {"type", "async"},
             {"create_snapshot_on_source", false},
             {"retention", JsonArray{JsonObject{{"label", "daily"}, {"count", "2"}}}}},
            2);
  ASSERT_EQ(policy.status, 201) << policy.raw;
  snapshot("data1", "d1", {{"snapmirror_label", "daily"}});
  const std::string path = mirror({{"policy", {{"name", "keep2"}}}});
  snapshot("data1", "other");
  for (const char* name : {"d2", "d3"}) {
    snapshot("data1", name, {{"snapmirror_label", "daily"}});
    EXPECT_EQ(update(path), "success");
  }
  EXPECT_EQ(snapshot_uuid("copy1", "d1", 2), "");
  EXPECT_NE(snapshot_uuid("copy1", "d2", 2), "");
  EXPECT_NE(snapshot_uuid("copy1", "d3", 2), "");
  EXPECT_EQ(snapshot_uuid("copy1", "other", 2), "");
  const auto version = [&](const char* volume, int number) {
    return text_at(get("/storage/volumes/" + uuid_of(volume, number) +
                           "/snapshots?name=d3&fields=version_uuid",
                       number)
                       .records()
                       .front(),
                   "version_uuid");
  };
  EXPECT_EQ(version("data1", 1), version("copy1", 2));
}

TEST_F(RelationshipTest, OnlyTheTransitionsOfTheTableArePossible) {
  const std::string path = mirror();
  EXPECT_EQ(write("PATCH", path, {{"state", "snapmirrored"}}, 2).code(), "13303818");
  EXPECT_EQ(write("PATCH", path, {{"state", "uninitialized"}}, 2).code(), "13303818");
  EXPECT_EQ(change(path, "paused"), 200);
  EXPECT_EQ(call(2, "POST", path + "/transfers").code(), "13303844");
  EXPECT_EQ(write("PATCH", path, {{"state", "in_sync"}}, 2).code(), "13303829");
  EXPECT_EQ(change(path, "snapmirrored"), 200);
  EXPECT_EQ(change(path, "broken_off"), 200);
  EXPECT_EQ(text_at(get("/storage/volumes?name=copy1&fields=type", 2).records().front(), "type"),
            "rw");
  EXPECT_EQ(write("PATCH", path, {{"state", "paused"}}, 2).code(), "13303818");
  EXPECT_EQ(write("PATCH", path + "?failover=true", {{"state", "broken_off"}}, 2).code(),
            "13303835");
}

TEST_F(RelationshipTest, AResyncRollsTheDestinationBackToTheCommonSnapshot) {
  put(path_to("data1", "a"), "source");
  const std::string path = mirror();
  ASSERT_EQ(change(path, "broken_off"), 200);
  put(path_to("copy1", "a", 2), "written while broken off");
  const std::string snapshots = "/storage/volumes/" + uuid_of("copy1", 2) + "/snapshots";
  EXPECT_EQ(write("POST", snapshots, {{"name", "own1"}}, 2).status, 201);
  put(path_to("data1", "b"), "new at the source");
  ASSERT_EQ(change(path, "snapmirrored"), 200);
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "source");
  EXPECT_EQ(content(path_to("copy1", "b", 2)), "new at the source");
  EXPECT_EQ(snapshot_uuid("copy1", "own1", 2), "");  // what was newer is gone
  ASSERT_EQ(change(path, "broken_off"), 200);
  EXPECT_EQ(write("POST", snapshots, {{"name", "own2"}}, 2).status, 201);
  ASSERT_EQ(write("PATCH", path, {{"state", "snapmirrored"}, {"preserve", true}}, 2).status, 200);
  EXPECT_NE(snapshot_uuid("copy1", "own2", 2), "");
  EXPECT_EQ(text_at(get("/storage/volumes?name=copy1&fields=type", 2).records().front(), "type"),
            "dp");
}

TEST_F(RelationshipTest, FailsOverWithADeadSourceAndFailsBack) {
  put(path_to("data1", "a"), "one");
  const std::string path = mirror();
  set_down("cluster1");
  EXPECT_FALSE(flag_at(get(path + "?fields=healthy,unhealthy_reason", 2).body, "healthy", true));
  EXPECT_EQ(write("PATCH", path, {{"state", "broken_off"}}, 2).code(), "262224");
  EXPECT_EQ(update(path), "failed");
  EXPECT_EQ(write("PATCH", path + "?force=true", {{"state", "broken_off"}}, 2).status, 200);
  put(path_to("copy1", "a", 2), "two");
  world_->faults().clear();
  put(path_to("data1", "a"), "lost");
  const JsonObject turned{{"source", {{"path", "svm2:copy1"}}},
                          {"destination", {{"path", "svm1:data1"}}},
                          {"state", "snapmirrored"}};
  const Reply flipped = write("PATCH", path, turned, 1);  // on the new destination
  ASSERT_EQ(flipped.status, 200) << flipped.raw;
  EXPECT_EQ(state(path, 1), "snapmirrored");
  EXPECT_EQ(content(path_to("data1", "a")), "two");
  ASSERT_EQ(change(path, "broken_off", 1), 200);
  put(path_to("data1", "a"), "three");
  const JsonObject back{{"source", {{"path", "svm1:data1"}}},
                        {"destination", {{"path", "svm2:copy1"}}},
                        {"state", "snapmirrored"}};
  ASSERT_EQ(write("PATCH", path, back, 2).status, 200);
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "three");
}

TEST_F(RelationshipTest, ASecondRelationshipTheOtherWayFailsBackToo) {
  put(path_to("data1", "a"), "one");
  const std::string path = mirror();
  ASSERT_EQ(change(path, "broken_off"), 200);
  put(path_to("copy1", "a", 2), "two");
  const Reply reverse =
      write("POST", "/snapmirror/relationships?return_records=true",
            {{"source", {{"path", "svm2:copy1"}}}, {"destination", {{"path", "svm1:data1"}}}}, 1);
  ASSERT_EQ(reverse.status, 201) << reverse.raw;
  const std::string back =
      "/snapmirror/relationships/" + text_at(reverse.records().front(), "uuid");
  EXPECT_EQ(state(back, 1), "broken_off");
  ASSERT_EQ(change(back, "snapmirrored", 1), 200);  // a resync from the common snapshot
  EXPECT_EQ(content(path_to("data1", "a")), "two");
  ASSERT_EQ(change(back, "paused", 1), 200);
  ASSERT_EQ(change(back, "broken_off", 1), 200);
  put(path_to("data1", "a"), "three");
  ASSERT_EQ(change(path, "snapmirrored"), 200);
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "three");
  EXPECT_EQ(write("DELETE", back + "?destination_only=true", {}, 1).status, 200);
  EXPECT_EQ(write("DELETE", back + "?source_only=true", {}, 2).status, 200);
  EXPECT_EQ(update(path), "success");
}

TEST_F(RelationshipTest, WithoutACommonSnapshotAResyncFails) {
  const std::string path = mirror();
  ASSERT_EQ(change(path, "broken_off"), 200);
  ASSERT_EQ(write("DELETE", path + "?destination_only=true", {}, 2).status, 200);
  for (const JsonObject& one :
       get("/storage/volumes/" + uuid_of("copy1", 2) + "/snapshots", 2).records()) {
    write("DELETE",
          "/storage/volumes/" + uuid_of("copy1", 2) + "/snapshots/" + text_at(one, "uuid"), {}, 2);
  }
  write("POST", "/storage/volumes/" + uuid_of("copy1", 2) + "/snapshots", {{"name", "own"}}, 2);
  const Reply again =
      write("POST", "/snapmirror/relationships?return_records=true",
            {{"source", {{"path", "svm1:data1"}}}, {"destination", {{"path", "svm2:copy1"}}}}, 2);
  ASSERT_EQ(again.status, 201) << again.raw;
  EXPECT_EQ(write("PATCH", "/snapmirror/relationships/" + text_at(again.records().front(), "uuid"),
                  {{"state", "snapmirrored"}}, 2)
                .code(),
            "13303810");
}

TEST_F(RelationshipTest, AReleasedCopyLeavesTheOthersProtection) {
  const std::string path = mirror();
  const Reply second = write("POST", "/snapmirror/relationships?return_records=true",
                             {{"source", {{"path", "svm1:data1"}}},
                              {"destination", {{"path", "svm2:copy2"}}},
                              {"create_destination", {{"enabled", true}}}},
                             2);
  ASSERT_EQ(second.status, 201) << second.raw;
  EXPECT_EQ(write("DELETE",
                  "/snapmirror/relationships/" + text_at(second.records().front(), "uuid"), {}, 2)
                .status,
            200);
  const auto is_protected = [&] {
    return flag_at(get("/storage/volumes?name=data1&fields=snapmirror").records().front(),
                   "snapmirror.is_protected");
  };
  EXPECT_TRUE(is_protected());
  EXPECT_EQ(write("DELETE", path, {}, 2).status, 200);
  EXPECT_FALSE(is_protected());
}

TEST_F(RelationshipTest, IsDeletedOnOneSideAndReleasedOnTheOther) {
  const std::string path = mirror();
  EXPECT_EQ(write("DELETE", path + "?destination_only=true&source_only=true", {}, 2).code(),
            "13303854");
  EXPECT_EQ(write("DELETE", path + "?destination_only=true", {}, 2).status, 200);
  EXPECT_EQ(get(path, 2).code(), "4");
  const auto left =
      get("/snapmirror/relationships?list_destinations_only=true&fields=destination", 1).records();
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(text_at(left.front(), "destination.path"), "svm2:copy1");
  EXPECT_EQ(write("DELETE", path + "?source_only=true", {}, 1).status, 200);
  EXPECT_TRUE(get("/snapmirror/relationships?list_destinations_only=true", 1).records().empty());
  EXPECT_TRUE(get("/storage/volumes/" + uuid_of("data1") + "/snapshots")
                  .records()
                  .empty());  // its own are gone
  EXPECT_EQ(write("DELETE", path + "?source_info_only=true", {}, 2).code(), "4");
}

TEST_F(RelationshipTest, RestoresFilesAndAVolumeFromTheSecondary) {
  put(path_to("data1", "a"), "one");
  put(path_to("data1", "b"), "kept");
  const std::string path = mirror();
  const std::string exported = get(path + "?fields=exported_snapshot", 2).text("exported_snapshot");
  put(path_to("data1", "a"), "broken");
  put(path_to("data1", "b"), "new");
  snapshot("data1", "newer");
  const std::string restore = restore_to("svm2:copy1", "svm1:data1");
  EXPECT_EQ(call(1, "POST", restore + "/transfers",
                 {{"source_snapshot", exported}, {"files", JsonArray()}})
                .code(),
            "13303846");
  EXPECT_EQ(
      update(restore,
             {{"source_snapshot", exported},
              {"files", JsonArray{JsonObject{{"source_path", "/a"}, {"destination_path", "/a"}}}}},
             1),
      "gone");
  EXPECT_EQ(content(path_to("data1", "a")), "one");
  EXPECT_EQ(content(path_to("data1", "b")), "new");
  EXPECT_EQ(update(restore_to("svm2:copy1", "svm1:data1"), {{"source_snapshot", exported}}, 1),
            "gone");
  EXPECT_EQ(content(path_to("data1", "b")), "kept");
  EXPECT_NE(snapshot_uuid("data1", "newer"), "") << "a restore keeps what is newer";
  EXPECT_EQ(update(path), "success");
}

TEST_F(RelationshipTest, AWholeRestoreNeedsAnEmptyReplicaOrACommonSnapshot) {
  put(path_to("data1", "a"), "one");
  const std::string path = mirror();
  const std::string exported = get(path + "?fields=exported_snapshot", 2).text("exported_snapshot");
  const JsonObject whole{{"source_snapshot", exported}};
  make_volume("plain", "rw");
  const std::string plain = restore_to("svm2:copy1", "svm1:plain");
  EXPECT_EQ(call(1, "POST", plain + "/transfers", whole).code(), "13303845");
  EXPECT_EQ(write("DELETE", plain, {}, 1).status, 200);
  make_volume("empty", "dp");
  const std::string empty = restore_to("svm2:copy1", "svm1:empty");
  EXPECT_EQ(
      call(1, "POST", empty + "/transfers",
           {{"source_snapshot", exported},
            {"files", JsonArray{JsonObject{{"source_path", "/a"}, {"destination_path", "/a"}}}}})
          .code(),
      "13303845");
  EXPECT_EQ(update(empty, whole, 1), "gone");
  EXPECT_EQ(content(path_to("empty", "a")), "one");
  EXPECT_EQ(get("/storage/volumes?name=empty&fields=type").records().front().at("type"), "rw");
}

TEST_F(RelationshipTest, CreateRefusesWhatTheReferenceRefuses) {
  const JsonObject source{{"path", "svm1:data1"}};
  const JsonObject destination{{"path", "svm2:copy1"}};
  const auto refusal = [&](JsonObject body) {
    body["source"] = source;
    if (!body.contains("destination")) {
      body["destination"] = destination;
    }
    return write("POST", "/snapmirror/relationships", body, 2).code();
  };
  EXPECT_EQ(refusal({}), "6619546");
  EXPECT_EQ(refusal({{"state", "snapmirrored"}}), "13303873");
  EXPECT_EQ(refusal({{"policy", {{"name", "no"}}}}), "13303821");
  EXPECT_EQ(refusal({{"transfer_schedule", {{"name", "no"}}}}), "6619699");
  EXPECT_EQ(refusal({{"create_destination", {{"enabled", true}}}, {"throttle", 5}}), "262186");
  EXPECT_EQ(refusal({{"destination", {{"path", "svm2:archive1"}}}}),
            "6619546");  // rw, without snapshots
  mirror();
  EXPECT_EQ(refusal({{"create_destination", {{"enabled", true}}}}), "6619637");
}

TEST_F(RelationshipTest, ARunningTransferIsSeenAndCanBeAborted) {
  config_.transfer_time = std::chrono::seconds(60);
  const std::string path = [&] {
    const std::string made = mirror();
    return made;
  }();
  open();
  ASSERT_EQ(call(2, "POST", path + "/transfers").status, 201);
  EXPECT_EQ(call(2, "POST", path + "/transfers").code(), "13303812");
  EXPECT_EQ(write("PATCH", path, {{"state", "broken_off"}}, 2).code(), "13303808");
  EXPECT_EQ(write("DELETE", path, {}, 2).code(), "6619715");
  const auto running = get(path + "/transfers", 2).records();
  ASSERT_EQ(running.size(), 1U);
  EXPECT_EQ(call(2, "PATCH", path + "/transfers/" + text_at(running.front(), "uuid"),
                 {{"state", "aborted"}})
                .status,
            200);
  EXPECT_EQ(settled(id_of(path)), "aborted");
  EXPECT_TRUE(get(path + "/transfers", 2).records().empty());
}

TEST_F(RelationshipTest, MirrorsToAnObjectStoreAndBack) {
  put(path_to("data1", "a"), std::string(200'000, 'x'));
  put(path_to("data1", "d/b"), "deep");
  std::filesystem::create_symlink("a", path_to("data1", "link"));
  ASSERT_EQ(write("POST", "/cloud/targets",
                  {{"name", "bucket"},
                   {"owner", "snapmirror"},
                   {"provider_type", "AWS_S3"},
                   {"container", "backup"}},
                  1)
                .status,
            201);
  const Reply made = write("POST", "/snapmirror/relationships?return_records=true",
                           {{"source", {{"path", "svm1:data1"}}},
                            {"destination", {{"path", "bucket:/objstore"}}},
                            {"policy", {{"name", "Asynchronous"}}}},
                           1);
  ASSERT_EQ(made.status, 201) << made.raw;
  const std::string path = "/snapmirror/relationships/" + text_at(made.records().front(), "uuid");
  EXPECT_EQ(update(path, {}, 1), "success");
  EXPECT_GT(int_at(get(path + "?fields=transfer", 1).body, "transfer.bytes_transferred"), 0);
  EXPECT_TRUE(flag_at(get("/storage/volumes?name=data1&fields=snapmirror").records().front(),
                      "snapmirror.destinations.is_cloud"));
  const std::string exported = get(path + "?fields=exported_snapshot", 1).text("exported_snapshot");
  const JsonObject whole{{"source_snapshot", exported}};
  const std::string over = restore_to("bucket:/objstore", "svm1:data1");
  EXPECT_EQ(call(1, "POST", over + "/transfers", whole).code(), "13303845");
  EXPECT_EQ(write("DELETE", over, {}, 1).status, 200);
  make_volume("back", "dp");
  EXPECT_EQ(update(restore_to("bucket:/objstore", "svm1:back"), whole, 1), "gone");
  EXPECT_EQ(content(path_to("back", "a")), std::string(200'000, 'x'));
  EXPECT_EQ(content(path_to("back", "d/b")), "deep");
  EXPECT_EQ(std::filesystem::read_symlink(path_to("back", "link")), "a");
  EXPECT_EQ(std::filesystem::last_write_time(path_to("back", "d")),
            std::filesystem::last_write_time(path_to("data1", "d")));
}

}  // namespace
}  // namespace holdfast::ontap_sim

// Volumes, snapshots, clones and restores, as calls see them and as the files show.
#include <gtest/gtest.h>

#include "simulators/ontap/testing/simulated.h"

namespace holdfast::ontap_sim {
namespace {

class VolumesTest : public Simulated {};

TEST_F(VolumesTest, CreatesListsResizesAndDeletesAVolume) {
  const Reply made = write("POST", "/storage/volumes?return_records=true",
                           {{"name", "fresh"},
                            {"svm.name", "svm1"},
                            {"aggregates", JsonArray{JsonObject{{"name", "aggr1"}}}},
                            {"size", "50MB"},
                            {"nas", {{"path", "/fresh"}}}});
  ASSERT_EQ(made.status, 201) << made.raw;
  const std::string uuid = text_at(made.records().front(), "uuid");
  EXPECT_EQ(made.headers.at("location"), "/api/storage/volumes/" + uuid);
  EXPECT_TRUE(std::filesystem::is_directory(path_to("fresh", "")));
  EXPECT_EQ(write("PATCH", "/storage/volumes/" + uuid, {{"size", 200 << 20}}).status, 200);
  EXPECT_EQ(int_at(get("/storage/volumes/" + uuid + "?fields=space").body, "space.size"),
            200 << 20);
  EXPECT_EQ(write("DELETE", "/storage/volumes/" + uuid).status, 200);
  EXPECT_EQ(get("/storage/volumes/" + uuid).code(), "4");
  EXPECT_EQ(get("/private/cli/volume/recovery-queue?volume=fresh*").records().size(), 1U);
}

TEST_F(VolumesTest, AnswersWritesWithAJobThatMayFailLater) {
  const Reply pending = call(1, "POST", "/storage/volumes?return_records=true",
                             {{"name", "later"},
                              {"svm", {{"name", "svm1"}}},
                              {"aggregates", JsonArray{JsonObject{{"name", "aggr1"}}}}});
  EXPECT_EQ(pending.status, 202);
  EXPECT_FALSE(pending.text("job.uuid").empty());
  EXPECT_EQ(pending.text("job._links.self.href"), "/api/cluster/jobs/" + pending.text("job.uuid"));
  EXPECT_FALSE(text_at(pending.records().front(), "uuid").empty());
}

TEST_F(VolumesTest, RefusesWhatTheReferenceRefuses) {
  const JsonObject svm{{"name", "svm1"}};
  const JsonArray aggregates{JsonObject{{"name", "aggr1"}}};
  EXPECT_EQ(write("POST", "/storage/volumes",
                  {{"name", "data1"}, {"svm", svm}, {"aggregates", aggregates}})
                .code(),
            "917526");
  EXPECT_EQ(write("POST", "/storage/volumes", {{"name", "v"}, {"svm", svm}}).code(), "917508");
  EXPECT_EQ(write("POST", "/storage/volumes", {{"name", "v"}, {"aggregates", aggregates}}).code(),
            "2621707");
  EXPECT_EQ(write("POST", "/storage/volumes",
                  {{"name", "v"}, {"svm", {{"name", "no"}}}, {"aggregates", aggregates}})
                .code(),
            "2621462");
  EXPECT_EQ(write("POST", "/storage/volumes",
                  {{"name", "v"}, {"svm", svm}, {"aggregates", aggregates}, {"size", 1}})
                .code(),
            "917534");
  EXPECT_EQ(write("POST", "/storage/volumes",
                  {{"name", "v"}, {"svm", svm}, {"aggregates", aggregates}, {"size", "9TB"}})
                .code(),
            "1245212");
  EXPECT_EQ(
      write("PATCH", "/storage/volumes/" + uuid_of("data1"), {{"nas", {{"path", "relative"}}}})
          .code(),
      "918252");
  EXPECT_EQ(write("PATCH", "/storage/volumes/" + uuid_of("data1"),
                  {{"snapshot_policy", {{"name", "no"}}}})
                .code(),
            "917551");
}

TEST_F(VolumesTest, ASnapshotKeepsWhatTheFilesWereAndRestoreBringsThemBack) {
  const std::string file = path_to("data1", "folder/a.txt");
  put(file, "one");
  ASSERT_EQ(snapshot("data1", "s1", {{"snapmirror_label", "daily"}}).status, 201);
  put(file, "two!");
  put(path_to("data1", "new.txt"), "new");
  ASSERT_EQ(snapshot("data1", "s2").status, 201);
  EXPECT_EQ(content(path_to("data1", ".snapshot/s1/folder/a.txt")), "one");
  const Reply restored =
      write("PATCH", "/storage/volumes/" + uuid_of("data1") + "?restore_to.snapshot.name=s1");
  ASSERT_EQ(restored.status, 200) << restored.raw;
  EXPECT_EQ(content(file), "one");
  EXPECT_FALSE(std::filesystem::exists(path_to("data1", "new.txt")));
  EXPECT_EQ(snapshot_uuid("data1", "s2"), "");  // newer ones vanish
  EXPECT_FALSE(std::filesystem::exists(path_to("data1", ".snapshot/s2")));
}

TEST_F(VolumesTest, RestoresInABodyToo) {
  put(path_to("data1", "a"), "one");
  snapshot("data1", "s1");
  put(path_to("data1", "a"), "two");
  EXPECT_EQ(
      write("PATCH", "/storage/volumes/" + uuid_of("data1"), {{"restore_to.snapshot.name", "s1"}})
          .status,
      200);
  EXPECT_EQ(content(path_to("data1", "a")), "one");
}

TEST_F(VolumesTest, RestoresOneFileUnderAnotherName) {
  put(path_to("data1", "a"), "one");
  snapshot("data1", "s1");
  put(path_to("data1", "a"), "two");
  const std::string target =
      "/storage/volumes/" + uuid_of("data1") +
      "?restore_to.snapshot.name=s1&restore_to.path=a&restore_to.restore_path=b";
  EXPECT_EQ(write("PATCH", target).status, 200);
  EXPECT_EQ(content(path_to("data1", "a")), "two");
  EXPECT_EQ(content(path_to("data1", "b")), "one");
  EXPECT_EQ(write("PATCH", "/storage/volumes/" + uuid_of("data1") +
                               "?restore_to.snapshot.name=s1&restore_to.path=no")
                .code(),
            "6684674");
}

TEST_F(VolumesTest, AClonedSnapshotIsBusyUntilTheCloneIsGoneForGood) {
  put(path_to("data1", "a"), "one");
  snapshot("data1", "s1");
  const Reply cloned = write("POST", "/storage/volumes?return_records=true",
                             {{"name", "copy"},
                              {"svm.name", "svm1"},
                              {"nas.path", "/copy"},
                              {"clone",
                               {{"is_flexclone", true},
                                {"parent_volume.name", "data1"},
                                {"parent_snapshot.name", "s1"}}}});
  ASSERT_EQ(cloned.status, 201) << cloned.raw;
  EXPECT_EQ(content(path_to("copy", "a")), "one");
  const std::string snapshot =
      "/storage/volumes/" + uuid_of("data1") + "/snapshots/" + snapshot_uuid("data1", "s1");
  EXPECT_EQ(texts_at(get(snapshot + "?fields=owners").body, "owners"),
            std::vector<std::string>{"volume_clone_dependent"});
  EXPECT_EQ(write("DELETE", snapshot).code(), "1638543");
  EXPECT_EQ(write("DELETE", "/storage/volumes/" + uuid_of("data1")).code(), "524615");
  const Reply clones = get(
      "/storage/volumes?fields=name&clone.parent_volume.name=data1&clone.parent_snapshot.name=s1");
  ASSERT_EQ(clones.records().size(), 1U);
  EXPECT_EQ(text_at(clones.records().front(), "clone.parent_snapshot.name"),
            "s1");  // filters are shown
  ASSERT_EQ(write("DELETE", "/storage/volumes/" + uuid_of("copy")).status, 200);
  EXPECT_EQ(write("DELETE", snapshot).code(), "1638543");  // the recovery queue still holds it
  EXPECT_EQ(write("POST", "/private/cli/volume/recovery-queue/purge",
                  {{"vserver", "svm1"}, {"volume", "copy_*"}})
                .status,
            201);
  EXPECT_EQ(write("DELETE", snapshot).status, 200);
}

TEST_F(VolumesTest, SplitsACloneFromItsParent) {
  snapshot("data1", "s1");
  write("POST", "/storage/volumes",
        {{"name", "copy"},
         {"svm.name", "svm1"},
         {"clone",
          {{"is_flexclone", true},
           {"parent_volume.name", "data1"},
           {"parent_snapshot.name", "s1"}}}});
  ASSERT_EQ(write("PATCH", "/storage/volumes/" + uuid_of("copy"), {{"clone.split_initiated", true}})
                .status,
            200);
  EXPECT_FALSE(flag_at(get("/storage/volumes/" + uuid_of("copy")).body, "clone.is_flexclone"));
  EXPECT_EQ(write("DELETE", "/storage/volumes/" + uuid_of("data1") + "/snapshots/" +
                                snapshot_uuid("data1", "s1"))
                .status,
            200);
}

TEST_F(VolumesTest, ASplitThatFailsLeavesAClone) {
  snapshot("data1", "s1");
  write("POST", "/storage/volumes",
        {{"name", "copy"},
         {"svm.name", "svm1"},
         {"clone",
          {{"is_flexclone", true},
           {"parent_volume.name", "data1"},
           {"parent_snapshot.name", "s1"}}}});
  FaultRule rule;
  rule.kind = "split_failure";
  rule.path = "svm1:copy";
  rule.times = 1;
  rule.values = {{"code", 1245212}, {"message", "No space left."}};
  world_->faults().add(rule);
  const std::string copy = "/storage/volumes/" + uuid_of("copy");
  const std::string held =
      "/storage/volumes/" + uuid_of("data1") + "/snapshots/" + snapshot_uuid("data1", "s1");
  EXPECT_EQ(write("PATCH", copy, {{"clone.split_initiated", true}}).code(), "1245212");
  const JsonObject left = get(copy + "?fields=clone").body;
  EXPECT_TRUE(flag_at(left, "clone.is_flexclone"));
  EXPECT_FALSE(flag_at(left, "clone.split_initiated"));
  EXPECT_EQ(int_at(left, "clone.split_complete_percent"), 0);
  EXPECT_EQ(write("DELETE", held).code(), "1638543");
  ASSERT_EQ(write("PATCH", copy, {{"clone.split_initiated", true}}).status, 200);
  EXPECT_EQ(write("DELETE", held).status, 200);
}

TEST_F(VolumesTest, NoSplitRunsAfterARestart) {
  snapshot("data1", "s1");
  write("POST", "/storage/volumes",
        {{"name", "copy"},
         {"svm.name", "svm1"},
         {"clone",
          {{"is_flexclone", true},
           {"parent_volume.name", "data1"},
           {"parent_snapshot.name", "s1"}}}});
  FaultRule rule;
  rule.kind = "stuck_job";
  rule.times = 1;
  world_->faults().add(rule);
  const std::string copy = "/storage/volumes/" + uuid_of("copy");
  const JsonObject split{{"clone.split_initiated", true}};
  ASSERT_EQ(call(1, "PATCH", copy, split).status, 202);
  EXPECT_TRUE(flag_at(get(copy + "?fields=clone").body, "clone.split_initiated"));
  EXPECT_EQ(call(1, "PATCH", copy, split).code(), "918248");  // it is under way
  open();
  EXPECT_FALSE(flag_at(get(copy + "?fields=clone").body, "clone.split_initiated"));
  EXPECT_EQ(write("PATCH", copy, split).status, 200);
}

TEST_F(VolumesTest, ALockedSnapshotIsNeitherDeletedNorRenamed) {
  const std::string volume = "/storage/volumes/" + uuid_of("data1");
  EXPECT_EQ(snapshot("data1", "s1", {{"snaplock_expiry_time", "2099-01-01T00:00:00+00:00"}}).code(),
            "1638554");
  write("PATCH", volume, {{"snapshot_locking_enabled", true}});
  ASSERT_EQ(snapshot("data1", "s1", {{"snaplock_expiry_time", "2099-01-01T00:00:00+00:00"}}).status,
            201);
  const std::string locked = volume + "/snapshots/" + snapshot_uuid("data1", "s1");
  EXPECT_EQ(write("DELETE", locked).code(), "1638555");
  EXPECT_EQ(write("PATCH", locked, {{"name", "other"}}).code(), "1638555");
  EXPECT_EQ(write("PATCH", locked, {{"snaplock_expiry_time", "2098-01-01T00:00:00Z"}}).code(),
            "1638523");
  EXPECT_EQ(write("PATCH", locked, {{"snaplock_expiry_time", "2100-01-01T00:00:00Z"}}).status, 200);
}

TEST_F(VolumesTest, AnExpiryHoldsASnapshotButCanBeTakenBack) {
  ASSERT_EQ(snapshot("data1", "s1", {{"expiry_time", "2099-01-01T00:00:00+00:00"}}).status, 201);
  const std::string held =
      "/storage/volumes/" + uuid_of("data1") + "/snapshots/" + snapshot_uuid("data1", "s1");
  EXPECT_EQ(write("DELETE", held).code(), "1638555");
  EXPECT_EQ(write("PATCH", held, {{"expiry_time", "2001-01-01T00:00:00Z"}}).status, 200);
  EXPECT_EQ(write("DELETE", held).status, 200);
}

TEST_F(VolumesTest, PagesThroughAListAndFollowsItsLinks) {
  std::string target = "/storage/volumes?max_records=1&fields=size&order_by=name%20desc";
  std::vector<std::string> names;
  while (!target.empty()) {
    const Reply page = get(target);
    ASSERT_EQ(page.status, 200) << page.raw;
    EXPECT_EQ(int_at(page.body, "num_records"), 1);
    names.push_back(text_at(page.records().front(), "name"));
    target = page.text("_links.next.href");
    target = target.empty() ? "" : target.substr(4);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"data2", "data1"}));
}

TEST_F(VolumesTest, AppliesAWriteToWhatAFilterLeaves) {
  const Reply changed = call(1, "PATCH", "/storage/volumes?name=data*", {{"comment", "both"}});
  EXPECT_EQ(changed.status, 202);
  EXPECT_EQ(objects_at(changed.body, "jobs").size(), 2U);
  EXPECT_EQ(call(1, "DELETE", "/storage/volumes").code(), "262177");
}

TEST_F(VolumesTest, BrowsesReadsAndWritesFiles) {
  put(path_to("data1", "d/a.txt"), "hello");
  snapshot("data1", "s1");
  const std::string files = "/storage/volumes/" + uuid_of("data1") + "/files/";
  const Reply listed = get(files + "%2Esnapshot%2Fs1%2Fd?fields=size,type");
  ASSERT_EQ(listed.records().size(), 3U) << listed.raw;
  EXPECT_EQ(int_at(listed.records().back(), "size"), 5);
  EXPECT_NE(get(files + "d%2Fa.txt?byte_offset=1&length=3").raw.find("\r\n\r\nell\r\n"),
            std::string::npos);
  EXPECT_EQ(get(files + "d%2Fno.txt").code(), "6684674");
  EXPECT_EQ(get(files + "%2E%2E%2F%2E%2E%2Fstate.db").code(), "6684674");
  EXPECT_EQ(write("POST", files + "d%2Fnew", {{"type", "directory"}}).status, 201);
  EXPECT_EQ(write("DELETE", files + "%2Esnapshot%2Fs1%2Fd%2Fa.txt").code(), "131102");
  EXPECT_EQ(write("DELETE", files + "d").code(), "131138");
}

TEST_F(VolumesTest, ClonesAndCopiesFilesAndRestoresDirectories) {
  put(path_to("data1", "d/a.txt"), "one");
  snapshot("data1", "s1");
  put(path_to("data1", "d/a.txt"), "two");
  const JsonObject volume{{"name", "data1"}};
  EXPECT_EQ(write("POST", "/storage/file/clone",
                  {{"volume", volume},
                   {"source_path", ".snapshot/s1/d/a.txt"},
                   {"destination_path", "d/old.txt"}})
                .status,
            201);
  EXPECT_EQ(content(path_to("data1", "d/old.txt")), "one");
  EXPECT_EQ(
      write("POST", "/storage/file/clone",
            {{"volume", volume}, {"source_path", "d/a.txt"}, {"destination_path", "d/old.txt"}})
          .code(),
      "917864");
  const JsonObject pair{
      {"source", {{"svm.name", "svm1"}, {"volume.name", "data1"}, {"path", "d/a.txt"}}},
      {"destination", {{"svm.name", "svm1"}, {"volume.name", "data2"}, {"path", "a.txt"}}}};
  EXPECT_EQ(write("POST", "/storage/file/copy", {{"files_to_copy", JsonArray{pair}}}).status, 201);
  EXPECT_EQ(content(path_to("data2", "a.txt")), "two");
  EXPECT_EQ(write("POST", "/storage/directory-restore",
                  {{"svm", "svm1"},
                   {"volume", "data1"},
                   {"snapshot", "s1"},
                   {"path", "d"},
                   {"restore_path", "back"}})
                .status,
            201);
  EXPECT_EQ(content(path_to("data1", "back/a.txt")), "one");
}

TEST_F(VolumesTest, EverythingAcknowledgedIsThereAfterARestart) {
  put(path_to("data1", "a"), "one");
  snapshot("data1", "s1");
  const std::string uuid = uuid_of("data1");
  open();
  EXPECT_EQ(uuid_of("data1"), uuid);
  EXPECT_NE(snapshot_uuid("data1", "s1"), "");
  EXPECT_EQ(content(path_to("data1", ".snapshot/s1/a")), "one");
}

}  // namespace
}  // namespace holdfast::ontap_sim

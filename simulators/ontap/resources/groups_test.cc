// Consistency groups: one and two phases, fences, restores, clones.
#include <gtest/gtest.h>

#include "simulators/ontap/testing/simulated.h"

namespace holdfast::ontap_sim {
namespace {

class GroupsTest : public Simulated {
 protected:
  std::string make_group() {
    const Reply made = write(
        "POST", "/application/consistency-groups?return_records=true",
        {{"name", "app"},
         {"svm", {{"name", "svm1"}}},
         {"volumes",
          JsonArray{
              JsonObject{{"name", "data1"}, {"provisioning_options", {{"action", "add"}}}},
              JsonObject{{"name", "data2"}, {"provisioning_options", {{"action", "add"}}}}}}});
    EXPECT_EQ(made.status, 201) << made.raw;
    return "/application/consistency-groups/" + text_at(made.records().front(), "uuid");
  }
  void with_data_port() {
    config_.data_port = true;
    open();
  }
};

TEST_F(GroupsTest, SnapshotsRestoresAndClonesAllVolumesTogether) {
  const std::string group = make_group();
  put(path_to("data1", "a"), "one");
  put(path_to("data2", "b"), "one");
  const Reply made =
      write("POST", group + "/snapshots?return_records=true",
            {{"name", "s1"}, {"consistency_type", "application"}, {"snapmirror_label", "daily"}});
  ASSERT_EQ(made.status, 201) << made.raw;
  put(path_to("data1", "a"), "two");
  put(path_to("data2", "b"), "two");
  const auto listed = get(group + "/snapshots?fields=*").records();
  ASSERT_EQ(listed.size(), 1U);
  EXPECT_FALSE(flag_at(listed.front(), "is_partial", true));
  EXPECT_EQ(objects_at(listed.front(), "snapshot_volumes").size(), 2U);
  const Reply cloned = write("POST", "/application/consistency-groups",
                             {{"name", "copy"},
                              {"clone",
                               {{"parent_consistency_group", {{"name", "app"}}},
                                {"parent_snapshot", {{"name", "s1"}}},
                                {"volume", {{"suffix", "_c"}}}}}});
  ASSERT_EQ(cloned.status, 201) << cloned.raw;
  EXPECT_EQ(content(path_to("data1_c", "a")), "one");
  EXPECT_EQ(content(path_to("data2_c", "b")), "one");
  EXPECT_EQ(write("PATCH", group, {{"restore_to", {{"snapshot", {{"name", "s1"}}}}}}).status, 200);
  EXPECT_EQ(content(path_to("data1", "a")), "one");
  EXPECT_EQ(content(path_to("data2", "b")), "one");
}

TEST_F(GroupsTest, RefusesVolumesThatCannotJoin) {
  const std::string group = make_group();
  const auto add = [&](const char* name) {
    return write("POST", "/application/consistency-groups",
                 {{"name", "other"},
                  {"svm.name", "svm1"},
                  {"volumes",
                   JsonArray{JsonObject{{"name", name}, {"provisioning_options.action", "add"}}}}})
        .code();
  };
  EXPECT_EQ(add("data1"), "53411864");
  EXPECT_EQ(add("nothing"), "53411842");
  EXPECT_EQ(
      write("PATCH", "/storage/volumes/" + uuid_of("data1"), {{"snapshot_locking_enabled", true}})
          .code(),
      "918636");
  write("POST", "/storage/volumes",
        {{"name", "locked"},
         {"svm.name", "svm1"},
         {"aggregates", JsonArray{JsonObject{{"name", "aggr1"}}}},
         {"snapshot_locking_enabled", true}});
  EXPECT_EQ(add("locked"), "53411959");
  EXPECT_EQ(write("POST", "/application/consistency-groups",
                  {{"name", "app"},
                   {"svm.name", "svm1"},
                   {"volumes", JsonArray{JsonObject{{"name", "new1"}}}}})
                .code(),
            "53411852");
}

TEST_F(GroupsTest, AFenceIsRefusedWhereItCannotBeKept) {
  const std::string group = make_group();
  EXPECT_EQ(write("POST", group + "/snapshots", {{"name", "s1"}, {"write_fence", true}}).code(),
            "53411918");
  EXPECT_EQ(write("POST", group + "/snapshots", {{"name", "s1"}}).status, 201);
  EXPECT_FALSE(
      flag_at(get(group + "/snapshots?fields=write_fence").records().front(), "write_fence", true));
}

TEST_F(GroupsTest, StartFencesAndCommitTakesTheSnapshots) {
  const std::string group = make_group();
  with_data_port();
  put(path_to("data1", "a"), "one");
  const Reply started =
      call(1, "POST", group + "/snapshots?action=start&action_timeout=60&return_records=true",
           {{"name", "s1"}});
  ASSERT_EQ(started.status, 201) << started.raw;
  EXPECT_TRUE(flag_at(started.records().front(), "write_fence"));
  EXPECT_TRUE(world_->fences().holds(uuid_of("data1")));
  EXPECT_TRUE(get(group + "/snapshots").records().empty());
  EXPECT_EQ(call(1, "POST", group + "/snapshots?action=start", {{"name", "s2"}}).code(),
            "53411918");
  std::atomic<bool> written = false;
  const std::string target = "/storage/volumes/" + uuid_of("data1") + "/files/a?byte_offset=-1";
  std::thread writer([&] {
    auto request = std::make_shared<net::HttpRequest>();
    request->method = "POST";
    request->target = "/api" + target;
    net::set_target(*request, request->target);
    request->headers["content-type"] = "application/octet-stream";
    request->body = " more";
    Dispatch what{request, split_path(request->target)};
    what.segments.erase(what.segments.begin());
    EXPECT_EQ(dispatch(*world_, cluster(1), what).reply.status, 201);
    written = true;
  });
  const std::string snapshot = group + "/snapshots/" + text_at(started.records().front(), "uuid");
  EXPECT_FALSE(written);
  EXPECT_EQ(write("PATCH", snapshot + "?action=commit").status, 200);
  writer.join();
  EXPECT_EQ(content(path_to("data1", ".snapshot/s1/a")), "one");
  EXPECT_EQ(content(path_to("data1", "a")), "one more");
  EXPECT_EQ(get(group + "/snapshots").records().size(), 1U);
}

TEST_F(GroupsTest, AStartWithoutCommitIsGoneAndTheFenceWithIt) {
  const std::string group = make_group();
  with_data_port();
  EXPECT_EQ(
      call(1, "POST", group + "/snapshots?action=start&action_timeout=2", {{"name", "s1"}}).code(),
      "262197");
  const Reply started =
      call(1, "POST", group + "/snapshots?action=start&action_timeout=5&return_records=true",
           {{"name", "s1"}});
  ASSERT_EQ(started.status, 201) << started.raw;
  EXPECT_TRUE(world_->fences().wait_until_clear(uuid_of("data1")));
  EXPECT_EQ(write("PATCH", group + "/snapshots/" + text_at(started.records().front(), "uuid") +
                               "?action=commit")
                .code(),
            "53411925");
  EXPECT_TRUE(get(group + "/snapshots").records().empty());
}

TEST_F(GroupsTest, AMemberThatIsGoneMakesTheSnapshotPartial) {
  const std::string group = make_group();
  write("POST", group + "/snapshots", {{"name", "s1"}});
  write("DELETE",
        "/storage/volumes/" + uuid_of("data1") + "/snapshots/" + snapshot_uuid("data1", "s1"));
  EXPECT_TRUE(flag_at(get(group + "/snapshots?fields=is_partial").records().front(), "is_partial"));
}

TEST_F(GroupsTest, IsReplicatedAsAWhole) {
  make_group();
  put(path_to("data1", "a"), "one");
  put(path_to("data2", "b"), "two");
  const Reply made = write("POST", "/snapmirror/relationships?return_records=true",
                           {{"source", {{"path", "svm1:/cg/app"}}},
                            {"destination", {{"path", "svm2:/cg/app_dr"}}},
                            {"create_destination", {{"enabled", true}}}},
                           2);
  ASSERT_EQ(made.status, 201) << made.raw;
  const std::string path = "/snapmirror/relationships/" + text_at(made.records().front(), "uuid");
  EXPECT_EQ(call(2, "POST", path + "/transfers").status, 201);
  while (get(path + "?fields=transfer", 2).text("transfer.state") == "transferring") {
    world_->wait(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(content(path_to("data1_dest", "a", 2)), "one");
  EXPECT_EQ(content(path_to("data2_dest", "b", 2)), "two");
  EXPECT_TRUE(
      flag_at(get("/application/consistency-groups?name=app&fields=replicated").records().front(),
              "replicated"));
}

}  // namespace
}  // namespace holdfast::ontap_sim

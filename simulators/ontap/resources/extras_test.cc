// Events, metrics, schedules, quotas, anti-ransomware and the private command line.
#include <gtest/gtest.h>

#include "simulators/ontap/model/cron.h"
#include "simulators/ontap/testing/simulated.h"

namespace holdfast::ontap_sim {
namespace {

class ExtrasTest : public Simulated {};

UtcTime at_time(const char* text) { return parse_time(text).value(); }

TEST_F(ExtrasTest, EventsAreFilteredByNameSeverityAndTime) {
  write("PATCH", "/storage/volumes/" + uuid_of("data1"), {{"state", "offline"}});
  write("PATCH", "/storage/volumes/" + uuid_of("data2"),
        {{"anti_ransomware", {{"state", "enabled"}}}});
  const auto names = [&](const std::string& filter) {
    std::vector<std::string> out;
    for (const JsonObject& one :
         get("/support/ems/events?fields=*&order_by=index%20asc&" + filter).records()) {
      out.push_back(text_at(one, "message.name"));
    }
    return out;
  };
  EXPECT_EQ(names("message.name=wafl.vvol.offline,arw.volume.state"),
            (std::vector<std::string>{"wafl.vvol.offline", "arw.volume.state"}));
  EXPECT_EQ(names("message.severity=error|alert"), std::vector<std::string>{});
  EXPECT_EQ(names("time=%3E2099-01-01T00:00:00Z"), std::vector<std::string>{});
  EXPECT_EQ(names("parameters.value=data1").size(), 1U);
  EXPECT_EQ(
      write(
          "POST", "/support/ems/application-logs?return_records=true",
          {{"computer_name", "host"}, {"event_source", "trident"}, {"event_description", "alive"}})
          .status,
      201);
}

TEST_F(ExtrasTest, AntiRansomwareMovesBetweenItsStates) {
  const std::string volume = "/storage/volumes/" + uuid_of("data1");
  const auto change = [&](const char* state) {
    return write("PATCH", volume, {{"anti_ransomware", {{"state", state}}}}).code();
  };
  EXPECT_EQ(change("paused"), "203161623");
  EXPECT_EQ(change("dry_run"), "");
  EXPECT_EQ(change("paused"), "");
  EXPECT_EQ(get(volume).text("anti_ransomware.state"), "dry_run_paused");
  EXPECT_EQ(change("enable_paused"), "203161629");
  EXPECT_EQ(change("asleep"), "262197");
}

TEST_F(ExtrasTest, MetricsLieOnTheGridOfTheirInterval) {
  const std::string path = "/storage/volumes/" + uuid_of("data1") + "/metrics";
  const auto hour = get(path + "?fields=*").records();
  ASSERT_EQ(hour.size(), 240U);
  EXPECT_EQ(text_at(hour.front(), "duration"), "PT15S");
  EXPECT_EQ(get(path + "?interval=1y").records().size(), 365U);
  EXPECT_EQ(get(path + "?interval=2h").code(), "262197");
  EXPECT_EQ(int_at(hour.front(), "iops.total"), int_at(hour.front(), "iops.read") +
                                                    int_at(hour.front(), "iops.write") +
                                                    int_at(hour.front(), "iops.other"));
  EXPECT_EQ(get("/cluster/counter/tables").records().size(), 1U);
  EXPECT_EQ(get("/cluster/counter/tables/volume/rows").records().size(), 2U);
  EXPECT_EQ(get("/cluster/counter/tables?return_records=false").body.contains("records"), false);
}

TEST_F(ExtrasTest, TheCommandLineShowsListedFieldsOnly) {
  const Reply listed = get("/private/cli/volume?fields=size,junction_path&volume=data*");
  ASSERT_EQ(listed.records().size(), 2U) << listed.raw;
  EXPECT_EQ(text_at(listed.records().front(), "vserver"), "svm1");
  EXPECT_FALSE(listed.records().front().contains("used"));
  EXPECT_EQ(get("/private/cli/volume?fields=*").code(), "262220");
  EXPECT_EQ(
      get("/private/cli/volume/efficiency/stat?fields=volume&privilege_level=diagnostic").status,
      200);
  EXPECT_EQ(get("/private/cli/volume?fields=size&volume=data1&vserver=svm2").records().size(), 0U);
}

TEST_F(ExtrasTest, TheCommandLineRestoresAFileAndRecoversAVolume) {
  put(path_to("data1", "a"), "one");
  snapshot("data1", "s1");
  put(path_to("data1", "a"), "two");
  EXPECT_EQ(write("POST", "/private/cli/volume/snapshot/restore-file",
                  {{"vserver", "svm1"},
                   {"volume", "data1"},
                   {"snapshot", "s1"},
                   {"path", "/a"},
                   {"restore-path", "/b"}})
                .status,
            201);
  EXPECT_EQ(content(path_to("data1", "b")), "one");
  const std::string uuid = uuid_of("data2");
  write("DELETE", "/storage/volumes/" + uuid);
  const std::string queued =
      text_at(get("/private/cli/volume/recovery-queue").records().front(), "volume");
  EXPECT_EQ(call(1, "POST", "/private/cli/volume/recovery-queue/recover",
                 {{"vserver", "svm1"}, {"volume", queued}})
                .status,
            200);
  const Reply back = get("/storage/volumes/" + uuid + "?fields=state,name,nas.path");
  EXPECT_EQ(back.text("name"), queued);
  EXPECT_EQ(back.text("state"), "offline");
  EXPECT_EQ(back.text("nas.path"), "");
}

TEST_F(ExtrasTest, WhatRepeatsIsStoredOnce) {
  std::string all;
  for (const char letter : {'a', 'b', 'a', 'a'}) {
    all += std::string(4096, letter);
  }
  put(path_to("data1", "file"), all + std::string(4 * 4096, '\0'));
  const Reply volume = get("/storage/volumes/" + uuid_of("data1") + "?fields=efficiency");
  EXPECT_DOUBLE_EQ(at(volume.body, "efficiency.ratio")->to_number<double>(), 4.0);
  EXPECT_EQ(int_at(volume.body, "efficiency.space_savings.dedupe"), 6 * 4096);
  EXPECT_EQ(int_at(volume.body, "efficiency.space_savings.total_percent"), 75);
  ASSERT_EQ(snapshot("data1", "one").status, 201);
  const auto aggregates = get("/storage/aggregates?fields=space").records();
  std::int64_t logical = 0;
  std::int64_t without = 0;
  std::int64_t savings = 0;
  for (const JsonObject& one : aggregates) {
    logical += int_at(one, "space.efficiency.logical_used");
    savings += int_at(one, "space.efficiency.savings");
    without += int_at(one, "space.efficiency_without_snapshots.logical_used");
  }
  EXPECT_EQ(without, 8 * 4096);
  EXPECT_EQ(logical, 2 * without) << "a snapshot holds everything once more";
  EXPECT_EQ(savings, logical - 2 * 4096);
}

TEST_F(ExtrasTest, CompressionSavesWhatItReallyCompresses) {
  std::string text;
  while (text.size() < 16 * 4096) {
    text += "row " + std::to_string(text.size()) + " of a table with much the same in each\n";
  }
  text.resize(16 * 4096);
  std::string noise(16 * 4096, '\0');
  random_.fill({reinterpret_cast<std::uint8_t*>(noise.data()), noise.size()});
  put(path_to("data1", "text"), text);
  put(path_to("data1", "noise"), noise);
  const std::string volume = "/storage/volumes/" + uuid_of("data1");
  const auto saved = [&] {
    const JsonObject body = get(volume + "?fields=efficiency,space").body;
    const std::int64_t logical = int_at(body, "space.logical_space.used");
    const std::int64_t total = int_at(body, "efficiency.space_savings.total");
    EXPECT_EQ(logical, 32 * 4096);
    EXPECT_EQ(int_at(body, "space.used"), logical - total);
    EXPECT_EQ(int_at(body, "space.physical_used"), logical - total);
    EXPECT_DOUBLE_EQ(at(body, "efficiency.ratio")->to_number<double>(),
                     static_cast<double>(logical) / static_cast<double>(logical - total));
    EXPECT_EQ(int_at(body, "efficiency.space_savings.dedupe"), 0);
    EXPECT_EQ(int_at(body, "efficiency.space_savings.compression"), total);
    return total;
  };
  EXPECT_EQ(saved(), 0) << "it is not switched on";
  ASSERT_EQ(write("PATCH", volume, {{"efficiency", {{"compression", "inline"}}}}).status, 200);
  EXPECT_EQ(get(volume + "?fields=efficiency").text("efficiency.compression_type"), "adaptive");
  EXPECT_EQ(saved(), 8 * 4096) << "each 8 KiB of text fit into 4, and no noise does";
  ASSERT_EQ(write("PATCH", volume, {{"efficiency", {{"compression_type", "secondary"}}}}).status,
            200);
  const std::int64_t secondary = saved();
  EXPECT_GT(secondary, 8 * 4096) << "greater groups are denser";
  EXPECT_LT(secondary, 16 * 4096);
  put(path_to("data1", "text"), noise.substr(4096) + noise.substr(0, 4096));
  const JsonObject body = get(volume + "?fields=efficiency").body;
  EXPECT_EQ(int_at(body, "efficiency.space_savings.compression"), 0) << "it is noise now";
  EXPECT_EQ(int_at(body, "efficiency.space_savings.dedupe"), 16 * 4096) << "the same noise";
  const JsonObject none{{"efficiency", {{"compression", "none"}, {"dedupe", "none"}}}};
  ASSERT_EQ(write("PATCH", volume, none).status, 200);
  const JsonObject off = get(volume + "?fields=efficiency").body;
  EXPECT_EQ(text_at(off, "efficiency.state"), "disabled");
  EXPECT_FALSE(flag_at(off, "efficiency.has_savings"));
}

TEST_F(ExtrasTest, AQuotaStopsWritersOfTheFilesApi) {
  EXPECT_EQ(write("POST", "/storage/qtrees",
                  {{"name", "q1"}, {"svm.name", "svm1"}, {"volume.name", "data1"}})
                .status,
            201);
  EXPECT_EQ(write("POST", "/storage/quota/rules",
                  {{"svm.name", "svm1"},
                   {"volume.name", "data1"},
                   {"type", "tree"},
                   {"qtree.name", "q1"},
                   {"space", {{"hard_limit", 10}}}})
                .status,
            201);
  const auto append = [&](const std::string& path) {
    auto request = std::make_shared<net::HttpRequest>();
    request->method = "POST";
    request->target =
        "/api/storage/volumes/" + uuid_of("data1") + "/files/" + path + "?byte_offset=-1";
    net::set_target(*request, request->target);
    request->headers["content-type"] = "application/octet-stream";
    request->body = "eight by";
    Dispatch what{request, split_path(request->target)};
    what.segments.erase(what.segments.begin());
    return dispatch(*world_, cluster(1), what).reply.status;
  };
  EXPECT_EQ(append("q1%2Fa"), 201);
  EXPECT_EQ(append("q1%2Fa"), 500);
  EXPECT_EQ(append("b"), 201);
  EXPECT_EQ(int_at(get("/storage/quota/reports?fields=*").records().front(),
                   "space.used.hard_limit_percent"),
            80);
}

TEST_F(ExtrasTest, AFullVolumeTakesNoSnapshotAndAFullAggregateNoVolume) {
  write("POST", "/storage/volumes",
        {{"name", "small"},
         {"svm.name", "svm1"},
         {"aggregates", JsonArray{JsonObject{{"name", "aggr1"}}}}});
  put(path_to("small", "big"), std::string(21 << 20, 'x'));
  EXPECT_EQ(snapshot("small", "s1").code(), "524479");
  EXPECT_EQ(write("PATCH", "/storage/volumes/" + uuid_of("small"), {{"size", "2TB"}}).code(),
            "1245212");
}

TEST_F(ExtrasTest, AHeaderScopesACallToOneSvm) {
  const net::HeaderMap other{{"x-dot-svm-name", "svm9"}};
  const net::HeaderMap own{{"x-dot-svm-name", "svm1"}};
  EXPECT_EQ(call(1, "GET", "/storage/volumes", {}, own).records().size(), 2U);
  EXPECT_TRUE(call(1, "GET", "/storage/volumes", {}, other).records().empty());
  const JsonObject body{{"name", "v1"}, {"aggregates", JsonArray{JsonObject{{"name", "aggr1"}}}}};
  EXPECT_EQ(call(1, "POST", "/storage/volumes", body, own).status, 202);
  JsonObject mixed = body;
  mixed["svm"] = {{"name", "svm1"}};
  EXPECT_EQ(call(1, "POST", "/storage/volumes", mixed, other).code(), "2621706");
}

TEST_F(ExtrasTest, PeersThatAreDeadFailTheirListing) {
  FaultRule rule;
  rule.kind = "down";
  rule.cluster = "cluster1";
  world_->faults().add(std::move(rule));
  EXPECT_EQ(get("/svm/peers", 2).code(), "262224");
  world_->faults().clear();
  EXPECT_EQ(get("/svm/peers", 2).records().size(), 1U);
}

TEST(Cron, MatchesMinutesHoursAndWeekdays) {
  const JsonObject weekly{
      {"minutes", JsonArray{15}}, {"hours", JsonArray{0}}, {"weekdays", JsonArray{0}}};
  EXPECT_TRUE(cron_matches(weekly, at_time("2026-11-29T00:15:00Z")));  // a Sunday
  EXPECT_FALSE(cron_matches(weekly, at_time("2026-11-30T00:15:00Z")));
  EXPECT_FALSE(cron_matches(weekly, at_time("2026-11-29T01:15:00Z")));
  EXPECT_TRUE(cron_matches({{"minutes", JsonArray{5}}}, at_time("2026-11-29T07:05:00Z")));
}

TEST_F(ExtrasTest, APolicyMakesItsSnapshotsAndKeepsItsCount) {
  write("POST", "/storage/snapshot-policies",
        {{"name", "two"},
         {"copies",
          JsonArray{JsonObject{
              {"count", 2}, {"schedule", {{"name", "hourly"}}}, {"snapmirror_label", "hour"}}}}});
  write("PATCH", "/storage/volumes/" + uuid_of("data1"), {{"snapshot_policy", {{"name", "two"}}}});
  for (const char* time : {"2026-11-29T07:05:30Z", "2026-11-29T07:06:00Z", "2026-11-29T08:05:00Z",
                           "2026-11-29T09:05:00Z"}) {
    run_due(*world_, at_time(time));
  }
  EXPECT_EQ(snapshot_uuid("data1", "hourly.2026-11-29_0705"), "");
  EXPECT_NE(snapshot_uuid("data1", "hourly.2026-11-29_0805"), "");
  EXPECT_NE(snapshot_uuid("data1", "hourly.2026-11-29_0905"), "");
  EXPECT_EQ(get("/storage/volumes/" + uuid_of("data1") + "/snapshots").records().size(), 2U);
}

}  // namespace
}  // namespace holdfast::ontap_sim

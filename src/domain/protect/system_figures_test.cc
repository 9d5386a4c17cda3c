#include "domain/protect/system_figures.h"

#include <gtest/gtest.h>

#include "core/base/metrics.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;

ontap::ClusterInventory cluster() {
  ontap::ClusterInventory all;
  all.uuid = "c-1";
  all.name = "east";
  all.system = "array";
  all.svms = {{"s-1", "svm1", "running", "default"}};
  all.aggregates = {{"a-1", "aggr1", "node1", "online", 1000, 400, 600, 1.5}};
  all.volumes.resize(3);
  all.volumes[0].svm = "svm1";
  all.volumes[0].name = "data";
  all.relations.resize(2);
  all.relations[0].uuid = "r-1";
  all.relations[0].relation.healthy = true;
  all.relations[0].relation.lag = std::chrono::seconds(90);
  all.relations[1].uuid = "r-2";
  all.relations[1].relation.healthy = true;
  return all;
}

std::vector<std::string> names_of(const std::vector<inventory::SystemEvent>& events) {
  std::vector<std::string> names;
  for (const inventory::SystemEvent& event : events) {
    names.push_back(event.name);
  }
  return names;
}

TEST(SystemAlarms, AreNoneOfAHealthyCluster) { EXPECT_TRUE(alarms_of(cluster(), true).empty()); }

TEST(SystemAlarms, NameAttacksWhoeverWatches) {
  ontap::ClusterInventory all = cluster();
  all.volumes[0].attack_probability = "high";
  all.volumes[1].attack_probability = "low";
  for (const bool unwatched : {true, false}) {
    const auto alarms = alarms_of(all, unwatched);
    ASSERT_EQ(names_of(alarms), std::vector<std::string>{"anti_ransomware.attack"});
    EXPECT_EQ(alarms[0].resource, "svm1:data");
    EXPECT_EQ(alarms[0].severity, "high");
  }
}

TEST(SystemAlarms, NameSickReplicationsAndFullAggregatesThatNobodyElseWatches) {
  ontap::ClusterInventory all = cluster();
  all.relations[1].relation.healthy = false;
  all.relations[1].relation.reason = "the transfer failed";
  all.aggregates[0].used = 950;
  EXPECT_EQ(names_of(alarms_of(all, true)),
            (std::vector<std::string>{"snapmirror.unhealthy", "aggregate.nearly_full"}));
  EXPECT_TRUE(alarms_of(all, false).empty());
  all.aggregates[0].used = 949;
  EXPECT_EQ(names_of(alarms_of(all, true)), std::vector<std::string>{"snapmirror.unhealthy"});
}

TEST(SystemFigures, ArePublishedUntilTheSystemGoes) {
  inventory::SystemLook look;
  look.system = "array-in-a-test";
  look.figures = figures_of({cluster(), cluster()});
  look.open = {{"e", "array-in-a-test", "east", "x", "error", "", "", std::nullopt}};
  publish(look);
  const auto holds = [](const std::string& line) {
    return metrics_text().find(line + "\n") != std::string::npos;
  };
  EXPECT_TRUE(holds("holdfast_system_up{system=\"array-in-a-test\"} 1"));
  EXPECT_TRUE(holds("holdfast_system_space_bytes{system=\"array-in-a-test\"} 2000"));
  EXPECT_TRUE(holds("holdfast_system_replication_lag_seconds{system=\"array-in-a-test\"} 90"));
  EXPECT_TRUE(
      holds("holdfast_system_events_open{severity=\"error\",system=\"array-in-a-test\"} 1"));
  look.problem = "it does not answer";
  publish(look);
  EXPECT_TRUE(holds("holdfast_system_up{system=\"array-in-a-test\"} 0"));
  EXPECT_TRUE(holds("holdfast_system_space_bytes{system=\"array-in-a-test\"} 2000"));
  unpublish(look.system);
  EXPECT_EQ(metrics_text().find("array-in-a-test"), std::string::npos);
}

TEST(SystemFigures, OfAReportAreThoseOfTheClusterThatWasAskedFor) {
  ontap::ClusterInventory west = cluster();
  west.name = "west";
  west.uuid = "c-2";
  inventory::StoredSystem system;
  system.name = "array";
  system.figures = figures_of({cluster(), west});
  const std::vector<inventory::SystemEvent> open = {
      {"1", "array", "east", "of-east", "error", "", "", std::nullopt},
      {"2", "array", "west", "of-west", "error", "", "", std::nullopt},
      {"3", "other", "west", "of-another", "error", "", "", std::nullopt}};
  const Json all = storage_section(system, "", open);
  EXPECT_EQ(find(all, "clusters")->get_array().size(), 2u);
  EXPECT_EQ(find(all, "open_events")->get_array().size(), 2u);
  const Json one = storage_section(system, "c-2", open);
  ASSERT_EQ(find(one, "clusters")->get_array().size(), 1u);
  ASSERT_EQ(find(one, "open_events")->get_array().size(), 1u);
  EXPECT_EQ(get_string(find(one, "open_events")->get_array()[0], "name"), "of-west");
}

}  // namespace
}  // namespace holdfast::protect

#include "domain/protect/policy.h"

#include <gtest/gtest.h>

#include <set>

#include "core/base/yaml.h"
#include "domain/protect/resources.h"

namespace holdfast::protect {
namespace {

// The requirements' document, as printed there.
constexpr const char* kScheduledBackup = R"yaml(workflow_name: scheduled_backup
trigger: cron_schedule
schedules:
  - daily_backup:
      time: "02:00"
      frequency: daily
      retention: 30_days
  - weekly_backup:
      time: "01:00"
      day: sunday
      retention: 12_weeks
  - monthly_backup:
      time: "00:00"
      day: first_sunday
      retention: 12_months
steps:
  - pre_backup_validation:
      check_space: true
      verify_connectivity: true
      validate_snapmirror: true
  - execute_backup:
      type: snapshot
      consistency_group: true
      application_quiesce: true
  - post_backup_verification:
      verify_integrity: true
      update_catalog: true
      send_notifications: true
)yaml";

Json document(std::string_view yaml) { return parse_yaml(yaml).value().front().value; }

Error refused(std::string_view yaml) {
  const auto policy = decode_policy(document(yaml), "UTC");
  EXPECT_FALSE(policy) << yaml;
  return policy ? Error(Code::kInternal, "accepted") : policy.error();
}

TEST(Policy, TakesTheRequirementsDocumentAsItStands) {
  const auto policy = decode_policy(document(kScheduledBackup), "Europe/Berlin");
  ASSERT_TRUE(policy) << policy.error().to_string();
  EXPECT_EQ(policy->name, "scheduled_backup");
  EXPECT_EQ(policy->timezone, "Europe/Berlin");
  ASSERT_EQ(policy->schedules.size(), 3u);
  EXPECT_EQ(policy->schedules[2].label, "monthly_backup");
  EXPECT_EQ(policy->schedules[2].retention, "12_months");
  EXPECT_EQ(policy->levels.size(), 2u);
  EXPECT_TRUE(policy->switches.send_notifications);
}

TEST(Policy, SwitchesThatAreOffStayOff) {
  const auto policy =
      decode_policy(document("workflow_name: scheduled_backup\nschedules: []\nsteps:\n"
                             "  - post_backup_verification:\n      send_notifications: false\n"),
                    "UTC");
  ASSERT_TRUE(policy);
  EXPECT_FALSE(policy->switches.send_notifications);
  EXPECT_TRUE(policy->switches.verify_integrity);
  EXPECT_FALSE(switches_from_json(to_json(policy->switches)).send_notifications);
}

TEST(Policy, NamesEveryProblemWithItsPlace) {
  const Error error = refused(
      "kind: policy\nname: p\ntimezone: Mars/Olympus\nlevels: [moon]\nrpo: soon\nextra: 1\n"
      "schedules:\n  - d: {time: '25:00', frequency: daily, retention: 3_fortnights}\n"
      "steps:\n  - execute_backup: {type: tape, juggle: true}\n");
  std::set<std::string> pointers;
  for (const auto& [pointer, message] : error.context()) {
    pointers.insert(pointer);
  }
  for (const char* pointer :
       {"/timezone", "/levels/0", "/rpo", "/extra", "/schedules/0/d", "/schedules/0/d/retention",
        "/steps/0/execute_backup/type", "/steps/0/execute_backup/juggle"}) {
    EXPECT_TRUE(pointers.contains(pointer)) << pointer;
  }
}

TEST(Policy, RefusesOtherWorkflowDocumentsByName) {
  const Error error =
      refused("workflow_name: disaster_recovery\ntrigger: cron_schedule\nschedules: []\n");
  EXPECT_NE(error.to_string().find("disaster_recovery"), std::string::npos);
}

TEST(Policy, ReadsTargetsProofAndSelector) {
  const auto policy = decode_policy(
      document("kind: policy\nname: gold\nrpo: 4h\nrto: 30m\nproof: {level: L4, interval: 2d}\n"
               "selector: {tier: gold}\nlevels:\n  - level: local_snapshot\n    repository: fast\n"
               "approval: {four_eyes: true}\n"),
      "UTC");
  ASSERT_TRUE(policy) << policy.error().to_string();
  EXPECT_EQ(policy->rpo, std::chrono::hours(4));
  EXPECT_EQ(policy->proof.level, inventory::ProofLevel::kL4);
  EXPECT_EQ(policy->proof.interval, std::chrono::hours(48));
  EXPECT_EQ(policy->selector.at("tier"), "gold");
  EXPECT_EQ(policy->levels.front().repository, "fast");
  EXPECT_TRUE(policy->four_eyes);
}

TEST(Policy, ReadsHowSchedulesFire) {
  const auto policy = decode_policy(
      document("workflow_name: scheduled_backup\noverlap: queue\njitter: 5m\ncatch_up: 24h\n"
               "schedules:\n  - d: {time: '02:00', frequency: daily}\n"
               "  - w: {time: '02:00', day: sunday, overlap: replace, jitter: 0s, paused: true}\n"),
      "UTC");
  ASSERT_TRUE(policy) << policy.error().to_string();
  EXPECT_EQ(policy->schedules[0].fire.overlap, Overlap::kQueue);
  EXPECT_EQ(policy->schedules[0].fire.jitter, std::chrono::minutes(5));
  EXPECT_EQ(policy->schedules[0].fire.catch_up, std::chrono::hours(24));
  EXPECT_FALSE(policy->schedules[0].fire.paused);
  EXPECT_EQ(policy->schedules[1].fire.overlap, Overlap::kReplace);
  EXPECT_EQ(policy->schedules[1].fire.jitter, Nanoseconds(0));
  EXPECT_EQ(policy->schedules[1].fire.catch_up, std::chrono::hours(24));
  EXPECT_TRUE(policy->schedules[1].fire.paused);

  const Error error = refused(
      "kind: policy\nname: p\noverlap: push\nschedules:\n"
      "  - d: {time: '02:00', frequency: daily, jitter: soon, paused: 1}\n");
  std::set<std::string> pointers;
  for (const auto& [pointer, message] : error.context()) {
    pointers.insert(pointer);
  }
  EXPECT_EQ(pointers,
            (std::set<std::string>{"/overlap", "/schedules/0/d/jitter", "/schedules/0/d/paused"}));
}

TEST(Policy, ReadsWhereALevelLies) {
  const auto policy = decode_policy(
      document("kind: policy\nname: p\nlevels:\n  - level: local_snapshot\n    lock: 7d\n"
               "  - {level: remote_replica, destination: 'west/svm2:copy', mirror_policy: mine, "
               "transfer_schedule: '0 4 * * *'}\n"
               "  - {level: cloud_backup, destination: 'vault:/objstore'}\n"),
      "UTC");
  ASSERT_TRUE(policy) << policy.error().to_string();
  ASSERT_EQ(policy->levels.size(), 3u);
  EXPECT_EQ(policy->levels[0].lock, std::chrono::hours(24 * 7));
  EXPECT_EQ(policy->levels[1].destination, "west/svm2:copy");
  EXPECT_EQ(policy->levels[1].mirror_policy, "mine");
  EXPECT_EQ(policy->levels[1].transfer_schedule, "0 4 * * *");

  const Error error = refused(
      "kind: policy\nname: p\nlevels:\n  - {level: local_snapshot, destination: 'w/s:v'}\n"
      "  - {level: remote_replica, destination: 'svm2:copy'}\n"
      "  - {level: cloud_backup, destination: 'west/svm2:copy'}\n"
      "  - {level: local_replica, destination: 'w/s:x', repository: r}\n  - level: tape\n"
      "  - {level: remote_replica, transfer_schedule: hourly}\n");
  EXPECT_EQ(error.context().size(), 6u) << error.to_string();
}

TEST(Policy, AnArchiveHasALockAndAPlaceOfItsOwn) {
  const Error error = refused(
      "kind: policy\nname: p\nlevels:\n  - archive\n"
      "  - {level: remote_replica, destination: 'w/s:v'}\n"
      "  - {level: archive, destination: 'w/s:v', lock: 7d}\n");
  ASSERT_EQ(error.context().size(), 3u) << error.to_string();
  EXPECT_EQ(error.context()[0].first, "/levels/0/lock");
  EXPECT_EQ(error.context()[1].first, "/levels/0/destination");
  EXPECT_EQ(error.context()[2].first, "/levels/2/destination");
}

inventory::Resource resource(const std::string& driver, const std::string& group = "") {
  inventory::Resource made;
  made.name = "r";
  made.driver = driver;
  made.consistency_group = group;
  return made;
}

TEST(Policy, IsRefusedWhereTheStorageCannotGiveALevel) {
  Policy policy = default_policy("UTC");
  policy.levels = {{"remote_replica", ""}};
  EXPECT_TRUE(check_capabilities(resource("ontap"), policy));
  for (const char* driver : {"directory", "btrfs"}) {
    const Status refusal = check_capabilities(resource(driver), policy);
    ASSERT_FALSE(refusal) << driver;
    EXPECT_EQ(refusal.error().code(), Code::kFailedPrecondition);
  }
}

TEST(Policy, IsRefusedForALockThatCannotBe) {
  Policy policy = default_policy("UTC");
  policy.levels = {{"local_snapshot", ""}};
  policy.levels[0].lock = std::chrono::hours(24);
  EXPECT_TRUE(check_capabilities(resource("ontap"), policy));
  EXPECT_FALSE(check_capabilities(resource("btrfs"), policy));
  const Status in_group = check_capabilities(resource("ontap", "orders"), policy);
  ASSERT_FALSE(in_group);
  EXPECT_NE(in_group.error().message().find("53411959"), std::string::npos);
  policy.levels[0].lock = std::chrono::hours(24 * 31);
  EXPECT_FALSE(check_capabilities(resource("ontap"), policy)) << "kept for 30 days only";
  policy.levels = {{"archive", ""}};
  policy.levels[0].destination = "west/svm2:vault";
  policy.levels[0].lock = std::chrono::hours(24);
  EXPECT_TRUE(check_capabilities(resource("ontap", "orders"), policy)) << "the copy is no member";
  EXPECT_FALSE(check_capabilities(resource("btrfs"), policy));
  policy.levels = {{"cloud_backup", ""}};
  policy.levels[0].lock = std::chrono::hours(1);
  EXPECT_FALSE(check_capabilities(resource("ontap"), policy));
}

}  // namespace
}  // namespace holdfast::protect

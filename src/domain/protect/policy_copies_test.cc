#include "domain/protect/policy_copies.h"

#include <gtest/gtest.h>

#include "core/base/yaml.h"
#include "domain/protect/resources.h"

namespace holdfast::protect {
namespace {

Policy policy_of(const std::string& schedules, const std::string& level,
                 const std::string& zone = "UTC") {
  const std::string text =
      "kind: policy\nname: p\nschedules:\n" + schedules + "levels:\n  - " + level + "\n";
  auto policy = decode_policy(parse_yaml(text).value().front().value, zone);
  EXPECT_TRUE(policy) << policy.error().to_string();
  return policy.value();
}
std::string daily(const std::string& retention) {
  return "  - daily: {time: '02:00', frequency: daily, retention: " + retention + "}\n";
}
std::string hourly(const std::string& retention) {
  return "  - hourly: {cron: '0 * * * *', retention: " + retention + "}\n";
}
constexpr const char* kReplica = "{level: remote_replica, destination: 'west/svm2:copy'}";

// Field and sentence; empty: the policy may be saved.
std::string refusal(const Policy& policy) {
  const Status checked = check_copies(policy);
  if (checked) {
    return "";
  }
  EXPECT_EQ(checked.error().code(), Code::kInvalidArgument);
  EXPECT_EQ(checked.error().context().size(), 1u) << checked.error().to_string();
  return checked.error().context()[0].first + ": " + checked.error().context()[0].second;
}

TEST(PolicyCopies, SaysHowManyARelationshipWouldHaveToKeep) {
  EXPECT_EQ(refusal(policy_of(daily("250_days"), kReplica)), "");
  EXPECT_EQ(refusal(policy_of(daily("251_days"), kReplica)),
            "/schedules/0/daily/retention: level remote_replica would keep 251 copies and its "
            "relationship keeps at most 250: shorten the retention of schedule 'daily' (251_days), "
            "or back up less often");
  EXPECT_EQ(refusal(policy_of(hourly("365_days"), kReplica))
                .find("/schedules/0/hourly/retention: level remote_replica would keep 8760 copies"),
            0u);
}

TEST(PolicyCopies, CountsAllSchedulesAndPointsAtTheWorst) {
  const std::string monthly =
      "  - monthly: {time: '02:00', day: 1, frequency: monthly, retention: 12_months}\n";
  // The first of a month is one run with both labels.
  EXPECT_EQ(refusal(policy_of(monthly + daily("230_days"), kReplica)), "");
  const std::string refused = refusal(policy_of(monthly + daily("249_days"), kReplica));
  EXPECT_EQ(refused.find("/schedules/1/daily/retention: "), 0u) << refused;
  EXPECT_NE(refused.find("would keep 253 copies"), std::string::npos) << refused;
}

TEST(PolicyCopies, ALockKeepsCopiesToo) {
  const auto archive = [](const std::string& lock) {
    return "{level: archive, destination: 'west/svm2:vault', lock: " + lock + "}";
  };
  EXPECT_EQ(refusal(policy_of(daily("30_days"), archive("30d"))), "");
  const std::string refused = refusal(policy_of(daily("300_days"), archive("300d")));
  EXPECT_EQ(refused,
            "/levels/0/lock: level archive would keep 301 copies and its relationship keeps at "
            "most 250: shorten its lock (300d00h), or back up less often");
}

TEST(PolicyCopies, ForEverCountsOverTenYears) {
  const std::string monthly = "  - monthly: {time: '02:00', day: 1, frequency: monthly}\n";
  EXPECT_EQ(refusal(policy_of(monthly, kReplica)), "") << "120 copies in ten years";
  const std::string refused = refusal(policy_of(daily("forever"), kReplica));
  EXPECT_NE(refused.find("would keep 3653 copies"), std::string::npos) << refused;
  EXPECT_NE(refused.find("give schedule 'daily' a retention"), std::string::npos) << refused;
  EXPECT_NE(refusal(policy_of("  - often: {cron: '* * * * *'}\n", kReplica)).find("at least 40320"),
            std::string::npos);
}

TEST(PolicyCopies, FindsTheFullestTimeOfAYear) {
  // Two hundred and eighty eight a day, on two days of December: no other time has as many.
  const std::string rush = "  - rush: {cron: '*/5 * 23,24 12 *', retention: 7_days}\n";
  const std::string refused = refusal(policy_of(rush, kReplica, "Europe/Berlin"));
  EXPECT_NE(refused.find("would keep 576 copies"), std::string::npos) << refused;
}

TEST(PolicyCopies, LeavesAloneWhatOthersDecide) {
  EXPECT_EQ(refusal(policy_of(hourly("365_days"), "local_snapshot")), "") << "whose, is not known";
  EXPECT_EQ(refusal(policy_of(hourly("365_days"), "local_replica")), "") << "a repository";
  EXPECT_EQ(
      refusal(policy_of(hourly("365_days"),
                        "{level: remote_replica, destination: 'w/s:v', mirror_policy: mine}")),
      "");
  EXPECT_NE(refusal(policy_of(hourly("365_days"),
                              "{level: cloud_backup, destination: 'vault:/objstore'}")),
            "");
}

TEST(PolicyCopies, AnOntapVolumeIsRefusedMoreSnapshotsThanItHolds) {
  inventory::Resource resource;
  resource.name = "orders";
  resource.driver = "ontap";
  EXPECT_TRUE(check_capabilities(resource, policy_of(hourly("42_days"), "local_snapshot")));
  const Status refused =
      check_capabilities(resource, policy_of(hourly("43_days"), "local_snapshot"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message().find("would keep 1032 copies and an ONTAP volume holds at "
                                           "most 1023"),
            std::string::npos)
      << refused.error().to_string();
  EXPECT_EQ(refused.error().context()[0].first, "/schedules/0/hourly/retention");
  resource.driver = "btrfs";
  EXPECT_TRUE(check_capabilities(resource, policy_of(hourly("43_days"), "local_snapshot")));
}

}  // namespace
}  // namespace holdfast::protect

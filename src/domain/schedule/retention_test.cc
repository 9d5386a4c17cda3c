#include "domain/schedule/retention.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace holdfast::schedule {
namespace {

using std::chrono::hours;

UtcTime at(std::string_view text) { return parse_rfc3339(text).value(); }
Zone zone(std::string_view name) { return find_zone(name).value(); }

KeptPoint point(std::string id, UtcTime time, std::vector<std::string> retentions) {
  return {std::move(id), time, std::move(retentions), false, false, zone("Europe/Berlin")};
}

TEST(ParseRetention, ReadsTheRequirementsTexts) {
  EXPECT_EQ(parse_retention("30_days")->count, 30);
  EXPECT_EQ(parse_retention("12_weeks")->unit, Retention::Unit::kWeeks);
  EXPECT_EQ(parse_retention("12_months")->unit, Retention::Unit::kMonths);
  EXPECT_EQ(parse_retention("7_years")->unit, Retention::Unit::kYears);
  EXPECT_EQ(parse_retention("")->count, 0);
  EXPECT_FALSE(parse_retention("30"));
  EXPECT_FALSE(parse_retention("-3_days"));
  EXPECT_FALSE(parse_retention("3_fortnights"));
}

TEST(ExpiresAt, CountsCalendarDaysInTheZone) {
  const Zone berlin = zone("Europe/Berlin");
  // 02:00 local stays 02:00 local across the change to summer time.
  EXPECT_EQ(expires_at({30, Retention::Unit::kDays}, berlin, at("2026-03-10T01:00:00Z")),
            at("2026-04-09T00:00:00Z"));
  EXPECT_EQ(expires_at({1, Retention::Unit::kMonths}, berlin, at("2026-01-31T11:00:00Z")),
            at("2026-02-28T11:00:00Z"));
  EXPECT_EQ(expires_at({0, Retention::Unit::kDays}, berlin, at("2026-01-31T11:00:00Z")),
            std::nullopt);
}

TEST(PlanRetention, KeepsNewestAndLastProvenWhateverTheirAge) {
  const UtcTime now = at("2026-11-24T00:00:00Z");
  std::vector<KeptPoint> points{point("old", now - hours(24 * 100), {"30_days"}),
                                point("proven", now - hours(24 * 90), {"30_days"}),
                                point("newest", now - hours(24 * 80), {"30_days"})};
  points[1].last_proven = true;
  const auto plan = plan_retention(points, now);
  EXPECT_FALSE(plan[0].keep);
  EXPECT_TRUE(plan[1].keep);
  EXPECT_TRUE(plan[2].keep);
  EXPECT_EQ(plan[2].reason, "the newest point");
}

TEST(PlanRetention, TheLongestLabelWinsAndNothingMeansKeep) {
  const UtcTime now = at("2026-11-24T00:00:00Z");
  std::vector<KeptPoint> points{point("both", now - hours(24 * 60), {"30_days", "12_weeks"}),
                                point("daily", now - hours(24 * 60), {"30_days"}),
                                point("ever", now - hours(24 * 4000), {"30_days", ""}),
                                point("unlabelled", now - hours(24 * 4000), {}),
                                point("newest", now, {"30_days"})};
  const auto plan = plan_retention(points, now);
  EXPECT_TRUE(plan[0].keep);
  EXPECT_FALSE(plan[1].keep);
  EXPECT_TRUE(plan[2].keep);
  EXPECT_TRUE(plan[3].keep);
}

TEST(PlanRetention, ManualPointsStayThirtyDays) {
  const UtcTime now = at("2026-11-24T00:00:00Z");
  std::vector<KeptPoint> points{point("old", now - hours(24 * 31), {}),
                                point("young", now - hours(24 * 29), {}),
                                point("newest", now, {"30_days"})};
  points[0].manual = points[1].manual = true;
  const auto plan = plan_retention(points, now);
  EXPECT_FALSE(plan[0].keep);
  EXPECT_TRUE(plan[1].keep);
}

// The requirements' schedule over 400 days: what is kept at the end is what each label promises.
TEST(PlanRetention, KeepsTheRequirementsGenerationsOver400Days) {
  const Zone berlin = zone("Europe/Berlin");
  const UtcTime first = at("2026-01-01T01:00:00Z");
  std::vector<KeptPoint> points;
  for (int day = 0; day < 400; ++day) {
    const UtcTime time = berlin.to_utc(add_days({2026, 1, 1, 2, 0, 0}, day));
    std::vector<std::string> labels{"30_days"};
    const LocalTime local = berlin.to_local(time);
    if (weekday(local) == 0) {
      labels.emplace_back(local.day <= 7 ? "12_months" : "12_weeks");
    }
    points.push_back(point(std::to_string(day), time, labels));
  }
  const UtcTime now = points.back().time + hours(1);
  size_t kept = 0;
  for (const Decision& decision : plan_retention(points, now)) {
    const int day = std::stoi(decision.id);
    const int age = 399 - day;
    const LocalTime local = berlin.to_local(points[static_cast<size_t>(day)].time);
    const bool sunday = weekday(local) == 0;
    const bool expected = age < 30 || (sunday && local.day > 7 && age < 84) ||
                          (sunday && local.day <= 7 && age < 365) || age == 0;
    EXPECT_EQ(decision.keep, expected) << day;
    kept += decision.keep ? 1 : 0;
  }
  EXPECT_GT(kept, 40u);
  EXPECT_LT(first, now);
}

// Properties over random input: order does not matter, and time only ever removes.
TEST(PlanRetention, IsMonotonicInTime) {
  const char* given = std::getenv("HOLDFAST_SEED");
  const unsigned seed =
      given == nullptr ? std::random_device()() : static_cast<unsigned>(std::atoi(given));
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> texts{"3_days", "2_weeks", "1_months", "", "1_years"};
  for (int round = 0; round < 50; ++round) {
    std::vector<KeptPoint> points;
    const UtcTime start = at("2026-01-01T00:00:00Z");
    for (int i = 0; i < 30; ++i) {
      points.push_back(point(std::to_string(i), start + hours(random() % 5000),
                             {texts[random() % texts.size()]}));
    }
    const auto early = plan_retention(points, start + hours(5000));
    const auto late = plan_retention(points, start + hours(9000));
    for (size_t i = 0; i < points.size(); ++i) {
      EXPECT_TRUE(early[i].keep || !late[i].keep);
    }
  }
}

}  // namespace
}  // namespace holdfast::schedule

// Rules against a brute-force oracle that steps through every minute, and across daylight saving.
#include "domain/schedule/calendar.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>
#include <set>

namespace holdfast::schedule {
namespace {

using std::chrono::hours;
using std::chrono::minutes;

constexpr std::array<const char*, 3> kZones{"Europe/Berlin", "America/Santiago",
                                            "Australia/Lord_Howe"};

UtcTime at(std::string_view text) { return parse_rfc3339(text).value(); }
Rule cron(std::string_view text) { return parse_cron(text).value(); }
Rule entry(std::string_view json) { return parse_rule(parse_json(json).value()).value(); }
Zone zone(std::string_view name) { return find_zone(name).value(); }

unsigned seed() {
  const char* given = std::getenv("HOLDFAST_SEED");
  return given == nullptr ? std::random_device()()
                          : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}

// Whether cron's five sets hold for a local minute, without any day arithmetic of the real code:
// used only with rules that have plain fields.
bool plain_match(const Rule& rule, const LocalTime& local) {
  const bool day = rule.any_day || rule.days.test(static_cast<size_t>(local.day));
  const bool week = rule.any_weekday || rule.weekdays.test(static_cast<size_t>(weekday(local)));
  const bool both = rule.either_day ? day || week : day && week;
  return both && rule.months.test(static_cast<size_t>(local.month)) &&
         rule.hours.test(static_cast<size_t>(local.hour)) &&
         rule.minutes.test(static_cast<size_t>(local.minute));
}

// Every occurrence in [from, to) by stepping through real minutes; a local minute that repeats
// counts the first time (a rule for every hour: both times), one that was skipped fires at the
// first minute after the gap.
std::vector<UtcTime> oracle(const Rule& rule, const Zone& in, UtcTime from, UtcTime to) {
  std::set<UtcTime> found;
  std::set<LocalTime> seen;
  LocalTime previous = in.to_local(from - hours(26) - minutes(1));
  for (UtcTime now = from - hours(26); now < to; now += minutes(1)) {
    const LocalTime local = in.to_local(now);
    // Walk the local minutes between the last real minute and this one: normally just this one.
    LocalTime step = previous;
    for (int i = 0; i < 24 * 60 && step < local; ++i) {
      step.minute += 1;
      if (step.minute == 60) {
        step.minute = 0;
        step.hour += 1;
      }
      if (step.hour == 24) {
        step.hour = 0;
        step = add_days(step, 1);
      }
      if (seen.insert(step).second && plain_match(rule, step) && now >= from) {
        found.insert(now);
      }
    }
    if (rule.hours.all() && plain_match(rule, local) && now >= from) {
      found.insert(now);
    }
    seen.insert(local);
    previous = std::max(previous, local);
  }
  return {found.begin(), found.end()};
}

TEST(CalendarRule, ReadsTheDocumentsEntries) {
  const Zone berlin = zone("Europe/Berlin");
  const UtcTime now = at("2026-11-24T12:00:00Z");
  EXPECT_EQ(next_after(entry(R"({"time":"02:00","frequency":"daily"})"), berlin, now),
            at("2026-11-25T01:00:00Z"));
  EXPECT_EQ(next_after(entry(R"({"time":"01:00","day":"sunday"})"), berlin, now),
            at("2026-11-29T00:00:00Z"));
  EXPECT_EQ(next_after(entry(R"({"time":"00:00","day":"first_sunday"})"), berlin, now),
            at("2026-12-05T23:00:00Z"));
  EXPECT_EQ(next_after(entry(R"({"time":"05:30","day":"last_friday"})"), berlin, now),
            at("2026-11-27T04:30:00Z"));
  EXPECT_EQ(next_after(entry(R"({"time":"05:30","day":31})"), berlin, now),
            at("2026-12-31T04:30:00Z"));
  EXPECT_EQ(next_after(entry(R"("hourly")"), berlin, now), at("2026-11-24T13:00:00Z"));
}

TEST(CalendarRule, DescribesItselfForPeople) {
  EXPECT_EQ(entry(R"({"time":"02:00","frequency":"daily"})").description, "daily at 02:00");
  EXPECT_EQ(entry(R"({"time":"00:00","day":"first_sunday"})").description, "first_sunday at 00:00");
}

TEST(CalendarRule, RefusesWhatItDoesNotUnderstand) {
  for (const char* text :
       {R"({"time":"25:00"})", R"({"time":"2"})", R"({"time":"02:00","day":"someday"})",
        R"({"time":"02:00","day":"tenth_sunday"})", R"({"time":"02:00","frequency":"often"})",
        R"({"time":"02:00","every":"day"})", R"({"frequency":"daily","day":"sunday"})",
        R"({"frequency":"weekly","day":"first_sunday"})", R"({"frequency":"weekly","day":15})",
        R"({"frequency":"monthly","day":"sunday"})", R"("sometimes")", "7"}) {
    EXPECT_FALSE(parse_rule(parse_json(text).value())) << text;
  }
}

TEST(Cron, NamesTheFieldThatIsWrong) {
  for (const auto& [text, field] :
       std::vector<std::pair<std::string, std::string>>{{"60 * * * *", "minute"},
                                                        {"* 24 * * *", "hour"},
                                                        {"* * 0 * *", "day of month"},
                                                        {"* * * foo *", "month"},
                                                        {"* * * * 8", "day of week"},
                                                        {"5-1 * * * *", "minute"},
                                                        {"*/0 * * * *", "minute"},
                                                        {"2/2147483647 * * * *", "minute"},
                                                        {"* * L-31 * *", "day of month"},
                                                        {"* * * * 1#6", "day of week"},
                                                        {"1/2/3 * * * *", "minute"}}) {
    const auto rule = parse_cron(text);
    ASSERT_FALSE(rule) << text;
    EXPECT_NE(rule.error().message().find("'" + field + "'"), std::string::npos)
        << rule.error().message();
  }
  EXPECT_FALSE(parse_cron("* * * *"));
}

TEST(Cron, KnowsNamesStepsListsAndLastDays) {
  const Zone utc = zone("UTC");
  const UtcTime now = at("2026-02-10T00:00:00Z");
  EXPECT_EQ(next_after(cron("0 0 L * *"), utc, now), at("2026-02-28T00:00:00Z"));
  EXPECT_EQ(next_after(cron("0 0 * * fri#3"), utc, now), at("2026-02-20T00:00:00Z"));
  EXPECT_EQ(next_after(cron("0 0 * * 5L"), utc, now), at("2026-02-27T00:00:00Z"));
  EXPECT_EQ(next_after(cron("0 0 15W * *"), utc, now), at("2026-02-16T00:00:00Z"));
  EXPECT_EQ(next_after(cron("30 8-18/5 * mar,apr mon-fri"), utc, now), at("2026-03-02T08:30:00Z"));
  EXPECT_EQ(next_after(cron("0 0 1 * 7"), utc, now), at("2026-02-15T00:00:00Z"));
  EXPECT_EQ(next_after(cron("@yearly"), utc, now), at("2027-01-01T00:00:00Z"));
  EXPECT_EQ(next_after(cron("0 0 30 2 *"), utc, now), std::nullopt);
  EXPECT_EQ(next_after(cron("0 0 L-3 * *"), utc, now), at("2026-02-25T00:00:00Z"));
  EXPECT_EQ(next_after(cron("0 0 LW * *"), utc, now), at("2026-02-27T00:00:00Z"));
  EXPECT_EQ(next_after(cron("0 0 LW * *"), utc, at("2026-05-02T00:00:00Z")),
            at("2026-05-29T00:00:00Z"));  // the 31st is a Sunday
  // A day field that starts with * narrows; two plain ones widen (as Vixie cron has it).
  EXPECT_EQ(next_after(cron("0 0 */10 * mon"), utc, now), at("2026-05-11T00:00:00Z"));
  EXPECT_EQ(next_after(cron("0\t0  12\t*\tmon"), utc, now), at("2026-02-12T00:00:00Z"));
}

TEST(CalendarRule, FiresOncePerDateThrough400DaysInThreeZones) {
  for (const char* name : kZones) {
    const Zone in = zone(name);
    for (int hour = 0; hour < 24; ++hour) {
      const Rule rule = cron("30 " + std::to_string(hour) + " * * *");
      const UtcTime from = at("2026-01-01T00:00:00Z");
      const auto found = occurrences(rule, in, from, from + hours(24 * 400));
      EXPECT_NEAR(static_cast<double>(found.size()), 400, 1) << name << " " << hour;
      std::set<LocalTime> dates;
      for (const UtcTime time : found) {
        LocalTime date = in.to_local(time);
        date.hour = date.minute = date.second = 0;
        EXPECT_TRUE(dates.insert(date).second) << in.text(time);
      }
    }
  }
}

TEST(CalendarRule, StatesWhatHappensAtTheGapAndTheRepetition) {
  const Zone berlin = zone("Europe/Berlin");
  const Rule rule = cron("30 2 * * *");
  EXPECT_EQ(next_after(rule, berlin, at("2026-03-28T12:00:00Z")), at("2026-03-29T01:00:00Z"));
  EXPECT_EQ(next_after(rule, berlin, at("2026-10-24T12:00:00Z")), at("2026-10-25T00:30:00Z"));
  EXPECT_EQ(next_after(rule, berlin, at("2026-10-25T00:30:00Z")), at("2026-10-26T01:30:00Z"));
  // Every hour means every hour of elapsed time: both 02:30 fire.
  EXPECT_EQ(occurrences(cron("30 * * * *"), berlin, at("2026-10-24T23:00:00Z"),
                        at("2026-10-25T03:00:00Z"))
                .size(),
            4u);
  const Zone island = zone("Australia/Lord_Howe");  // moves by half an hour
  EXPECT_EQ(next_after(cron("15 2 * * *"), island, at("2026-10-03T00:00:00Z")),
            island.to_utc({2026, 10, 4, 2, 30, 0}));
}

TEST(SlowCalendarOracle, RandomRulesAgreeWithSteppingThroughEveryMinute) {
  const unsigned used = seed();
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(used));
  std::mt19937 random(used);
  const auto pick = [&](int low, int high) {
    return low + static_cast<int>(random() % static_cast<unsigned>(high - low + 1));
  };
  for (int round = 0; round < 24; ++round) {
    const Zone in = zone(kZones.at(static_cast<size_t>(round) % kZones.size()));
    const std::string text =
        std::to_string(pick(0, 59)) + (pick(0, 1) ? ",7 " : " ") +
        (pick(0, 2) ? std::to_string(pick(0, 23)) : "*/" + std::to_string(pick(1, 6))) + " " +
        (pick(0, 1)   ? "*"
         : pick(0, 1) ? std::to_string(pick(1, 31))
                      : "*/2") +
        (pick(0, 1) ? "\t* " : " 1-6,9,11/1 ") + (pick(0, 1) ? "*" : std::to_string(pick(0, 6)));
    const UtcTime from = at("2026-01-01T00:00:00Z") + hours(24 * pick(0, 330));
    const Rule rule = cron(text);
    EXPECT_EQ(occurrences(rule, in, from, from + hours(24 * 40)),
              oracle(rule, in, from, from + hours(24 * 40)))
        << text << " in " << in.name() << " from " << to_rfc3339(from);
  }
}

TEST(CalendarRule, PreviousIsTheInverseOfNext) {
  const unsigned used = seed();
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(used));
  std::mt19937 random(used);
  for (const char* text : {"30 2 * * *", "0 */3 * * *", "15 2 * * 0", "0 0 1 * *"}) {
    for (const char* name : kZones) {
      const Zone in = zone(name);
      const Rule rule = cron(text);
      const UtcTime start = at("2026-01-01T00:00:00Z") + minutes(random() % (60 * 24 * 360));
      const UtcTime next = next_after(rule, in, start).value();
      EXPECT_EQ(previous_before(rule, in, next + Nanoseconds(1)), next);
      EXPECT_LE(previous_before(rule, in, next).value(), start);
    }
  }
}

TEST(Zone, RefusesUnknownNamesAndKnowsTheFarFuture) {
  EXPECT_FALSE(find_zone("Europe/Atlantis"));
  EXPECT_FALSE(find_zone("../etc/passwd"));
  EXPECT_FALSE(find_zone("/etc/passwd"));
  EXPECT_EQ(zone("Europe/Berlin").text(at("2038-07-01T12:00:00Z")), "2038-07-01 14:00:00 CEST");
}

}  // namespace
}  // namespace holdfast::schedule

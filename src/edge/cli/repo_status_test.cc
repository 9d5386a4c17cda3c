#include "edge/cli/repo_status.h"

#include <gtest/gtest.h>

#include <atomic>

#include "core/env/sim/manual_clock.h"

namespace holdfast::cli {
namespace {

TEST(StatusJson, SaysLittleBeforeTheScanIsComplete) {
  backup::Progress progress;
  backup::ScanTotals totals;
  progress.bytes_done = 5;
  totals.bytes = 10;
  EXPECT_EQ(to_text(status_json(std::chrono::seconds(2), progress, totals)),
            R"({"message_type":"status","seconds_elapsed":2,"percent_done":0E0,"files_done":0,)"
            R"("bytes_done":5,"error_count":0})");
}

TEST(StatusJson, KnowsHowMuchIsLeftAfterwards) {
  backup::Progress progress;
  backup::ScanTotals totals;
  progress.bytes_done = 25;
  progress.files_done = 1;
  totals.bytes = 100;
  totals.files = 4;
  totals.complete = true;
  const Json json = status_json(std::chrono::seconds(10), progress, totals);
  EXPECT_EQ(find(json, "percent_done")->as_double(), 0.25);
  EXPECT_EQ(get_int(json, "seconds_remaining"), 30);
  EXPECT_EQ(get_int(json, "total_files"), 4);
  EXPECT_EQ(get_int(json, "total_bytes"), 100);
  progress.bytes_done = 130;  // a file grew, or was read again
  EXPECT_EQ(find(status_json({}, progress, totals), "percent_done")->as_double(), 1.0);
}

TEST(StatusLines, ComeAtOnceAndEverySecond) {
  env::ManualClock clock{UtcTime()};
  backup::Progress progress;
  backup::BackupOptions options;
  options.progress = &progress;
  std::atomic<int> lines{0};
  {
    const StatusLines status(clock, options, [&](const Json&) { ++lines; });
    for (int second = 1; second <= 3; ++second) {
      while (clock.pending() == 0) {
        std::this_thread::yield();
      }
      EXPECT_EQ(lines, second);
      clock.advance(std::chrono::seconds(1));
    }
    while (clock.pending() == 0) {
      std::this_thread::yield();
    }
  }
  EXPECT_EQ(lines, 4);
  EXPECT_EQ(clock.pending(), 0u);
}

}  // namespace
}  // namespace holdfast::cli

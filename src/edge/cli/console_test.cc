#include "edge/cli/console.h"

#include <gtest/gtest.h>

#include "edge/cli/progress.h"

namespace holdfast::cli {
namespace {

Json json(std::string_view text) { return parse_json(text).value(); }

TEST(Table, IsAsWideAsItsContent) {
  const Json rows = json(R"([{"id":"a","size_bytes":1536,"ok":true,"proof":{"level":"L2"}},
                             {"id":"longer","size_bytes":null,"ok":false,"proof":{"level":"L4"}}])");
  EXPECT_EQ(
      format_table({{"ID", "id"}, {"SIZE", "size_bytes"}, {"OK", "ok"}, {"PROOF", "proof/level"}},
                   rows.get_array(), 0),
      "ID      SIZE     OK   PROOF\n"
      "a       1.5 KiB  yes  L2\n"
      "longer  -        no   L4\n");
}

TEST(Table, CutsLongLinesAndCountsCodePoints) {
  const Json rows = json(R"([{"name":"äöü","path":"/a/very/long/path"}])");
  EXPECT_EQ(format_table({{"NAME", "name"}, {"PATH", "path"}}, rows.get_array(), 12),
            "NAME  PATH\näöü   /a/ve…\n");
}

TEST(Cell, ReadsForPeople) {
  EXPECT_EQ(cell_text(json(R"({"rpo_seconds":86400})"), "rpo_seconds"), "24h00m");
  EXPECT_EQ(cell_text(json(R"({"copies":[{"level":"local_snapshot"},{"level":"local_replica"}]})"),
                      "copies"),
            "local_snapshot, local_replica");
  EXPECT_EQ(cell_text(json("{}"), "a/b"), "-");
}

TEST(Object, IndentsWhatIsInside) {
  EXPECT_EQ(
      format_object(json(R"({"a":1,"b":{"c":"x"},"d":[{"e":true},{"e":false}],"f":[],"g":["y"]})")),
      "a: 1\nb:\n  c: x\nd:\n  - e: yes\n  - e: no\nf: -\ng:\n  - y\n");
}

Json backup_at(std::uint64_t bytes) {
  return JsonObject{{"workflow", "scheduled_backup"},
                    {"status", "running"},
                    {"progress", JsonObject{{"step", "local_snapshot"},
                                            {"activity", "engine.backup"},
                                            {"files_done", 12},
                                            {"bytes_done", bytes}}}};
}

TEST(Progress, SaysStepFilesAndBytes) {
  ProgressMeter meter;
  EXPECT_EQ(meter.line(backup_at(2048), MonoTime{}),
            "scheduled_backup running: local_snapshot, 12 files, 2.0 KiB");
  EXPECT_EQ(meter.line(json(R"({"workflow":"w","status":"completed"})"), MonoTime{}),
            "w completed");
}

TEST(Progress, SaysPercentRateAndTimeLeftWhenTheTotalIsKnown) {
  ProgressMeter meter;
  meter.expect_backup_bytes(100 << 20);
  EXPECT_EQ(meter.line(backup_at(10 << 20), MonoTime{}),
            "scheduled_backup running: local_snapshot, 10%, 12 files, 10.0 MiB of 100.0 MiB");
  EXPECT_EQ(meter.line(backup_at(30 << 20), MonoTime{std::chrono::seconds(10)}),
            "scheduled_backup running: local_snapshot, 30%, 12 files, 30.0 MiB of 100.0 MiB, "
            "2.0 MiB/s, 35.0s left");
  // More than the newest point had: no time left, and not done either.
  EXPECT_EQ(meter.line(backup_at(130 << 20), MonoTime{std::chrono::seconds(60)}),
            "scheduled_backup running: local_snapshot, 99%, 12 files, 130.0 MiB of 130.0 MiB, "
            "2.0 MiB/s");
}

TEST(Progress, TakesTheTotalOfARestoreFromItsProposal) {
  ProgressMeter meter;
  EXPECT_EQ(meter.line(json(R"({"workflow":"data_recovery","status":"running",
                                "proposal":{"bytes":4096},
                                "progress":{"activity":"engine.restore","bytes_done":1024}})"),
                       MonoTime{}),
            "data_recovery running, 25%, 1.0 KiB of 4.0 KiB");
}

TEST(Progress, IsAPlainLineNowAndThenWithoutATerminal) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* stream = ::open_memstream(&text, &size);
  Console console(stream, stream, OutputFormat::kTable);
  for (const int second : {0, 1, 9, 10, 12, 25}) {
    console.progress("at " + std::to_string(second), MonoTime{std::chrono::seconds(second)});
  }
  std::fclose(stream);
  EXPECT_EQ(std::string(text, size), "at 0\nat 10\nat 25\n");
  std::free(text);
}

}  // namespace
}  // namespace holdfast::cli

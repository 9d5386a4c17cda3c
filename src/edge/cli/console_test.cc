#include "edge/cli/console.h"

#include <gtest/gtest.h>

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

TEST(Progress, SaysStepFilesAndBytes) {
  EXPECT_EQ(
      progress_line(json(
          R"({"workflow":"scheduled_backup","status":"running","progress":{"step":"local_snapshot","files_done":12,"bytes_done":2048}})")),
      "scheduled_backup running: local_snapshot, 12 files, 2.0 KiB");
  EXPECT_EQ(progress_line(json(R"({"workflow":"w","status":"completed"})")), "w completed");
}

}  // namespace
}  // namespace holdfast::cli

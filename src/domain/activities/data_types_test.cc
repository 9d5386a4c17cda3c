#include "domain/activities/data_types.h"

#include <gtest/gtest.h>

#include "domain/activities/engine_work.h"

namespace holdfast::activities {
namespace {

TEST(DataTypes, SurviveTheWayThroughAHistory) {
  BackupRequest request;
  request.repository = {"main", "/srv/repo", "/srv/key"};
  request.read_path = "/srv/.holdfast/pt_1";
  request.live_path = "/srv";
  request.tags = {"pt_1", "res_2"};
  request.time = parse_rfc3339("2026-11-24T02:00:00.000000001Z").value();
  const Json encoded = encode(request);
  EXPECT_EQ(encode(decode<BackupRequest>(encoded)), encoded);
  EXPECT_EQ(decode<BackupRequest>(encoded).repository.password_file, "/srv/key");
}

TEST(DataTypes, KeepCountsAndSamples) {
  Verdict verdict;
  verdict.good = true;
  verdict.checked = 1ull << 40;
  verdict.sample = {"a", "b"};
  const Verdict back = decode<Verdict>(encode(verdict));
  EXPECT_TRUE(back.good);
  EXPECT_EQ(back.checked, 1ull << 40);
  EXPECT_EQ(back.sample, verdict.sample);
}

TEST(DataTypes, MissingFieldsHaveTheirDefaults) {
  const BackupDone done = decode<BackupDone>(Json(JsonObject{}));
  EXPECT_EQ(done.files, 0u);
  EXPECT_FALSE(done.partial);
}

TEST(InWords, NamesTheComparedDirectoryItself) {
  EXPECT_EQ(in_words({"", "owner 0:0, not 1:1"}), ".: owner 0:0, not 1:1");
  EXPECT_EQ(in_words({"a/b", "content"}), "a/b: content");
}

}  // namespace
}  // namespace holdfast::activities

#include "edge/api/views.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

const UtcTime kNow = parse_rfc3339("2026-11-24T12:00:00Z").value();

Protection protection(inventory::ProofLevel level) {
  Protection made;
  made.policy = protect::default_policy("UTC");
  inventory::Point point;
  point.id = inventory::PointId("pt_1");
  point.time = kNow - std::chrono::hours(2);
  point.consistency = "none";
  point.timezone = "UTC";
  point.schedules = {{"daily", "30_days"}};
  inventory::Copy copy;
  copy.level = "local_snapshot";
  copy.method = "restic";
  copy.state = "available";
  copy.proof = {level, kNow, "run_1", ""};
  point.copies = {copy};
  made.newest = point;
  return made;
}

TEST(PointView, SaysWhatAPlainDirectoryIsWorth) {
  const Protection made = protection(inventory::ProofLevel::kL1);
  const Json view = point_view(*made.newest, made, kNow);
  EXPECT_EQ(get_string(view, "label"), "not point-in-time");
  EXPECT_EQ(get_string(view, "state"), "unproven");
  EXPECT_EQ(get_string(view, "proof_level"), "L1");
  EXPECT_EQ(get_string(view, "expires_at"), "2026-12-24T10:00:00Z");
}

TEST(ProtectionView, IsGreenOnlyByProof) {
  EXPECT_EQ(get_string(protection_view(protection(inventory::ProofLevel::kL2), kNow), "state"),
            "proven");
  EXPECT_EQ(get_string(protection_view(protection(inventory::ProofLevel::kL1), kNow), "state"),
            "unproven");
  Protection none;
  none.policy = protect::default_policy("UTC");
  const Json view = protection_view(none, kNow);
  EXPECT_EQ(get_string(view, "state"), "none");
  EXPECT_FALSE(get_bool(view, "rpo_met"));
}

TEST(ProtectionView, MeasuresTheAgeOfTheConsistencyTime) {
  const Json view = protection_view(protection(inventory::ProofLevel::kL2), kNow);
  EXPECT_EQ(get_int(view, "rpo_actual_seconds"), 7200);
  EXPECT_TRUE(get_bool(view, "rpo_met"));
  EXPECT_FALSE(get_bool(
      protection_view(protection(inventory::ProofLevel::kL2), kNow + std::chrono::hours(23)),
      "rpo_met"));
}

TEST(RunStatus, WaitsOnlyWhileItIsOpen) {
  flow::RunSummary run;
  run.search_attributes["waiting_for"] = "apr_1";
  EXPECT_EQ(run_status(run), "waiting");
  run.status = flow::RunStatus::kTerminated;
  EXPECT_EQ(run_status(run), "cancelled");
  run.status = flow::RunStatus::kTimedOut;
  EXPECT_EQ(run_status(run), "failed");
}

TEST(RunView, CarriesStepsErrorAndTrace) {
  flow::RunDescription run;
  run.run.workflow_id = flow::WorkflowId("run_1");
  run.run.status = flow::RunStatus::kFailed;
  run.run.progress = JsonObject{{"step", "check_space"},
                                {"steps", JsonArray{JsonObject{{"name", "check_space"}}}}};
  run.failure = flow::to_failure(Error(Code::kResourceExhausted, "only 1 MiB is free"));
  run.header["traceparent"] = "00-abc";
  const Json view = run_view(run, std::nullopt);
  EXPECT_EQ(get_string(view, "status"), "failed");
  EXPECT_EQ(get_string(view.at("error"), "code"), "resource_exhausted");
  EXPECT_EQ(get_string(view.at("error"), "message"), "only 1 MiB is free");
  EXPECT_EQ(view.at("steps").get_array().size(), 1u);
  EXPECT_EQ(get_string(view, "traceparent"), "00-abc");
  EXPECT_TRUE(view.at("approval").is_null());
}

}  // namespace
}  // namespace holdfast::api

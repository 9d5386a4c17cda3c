// data_recovery on a real engine: who is asked, what an answer is worth, how a question ends.
#include "domain/recover/recovery_workflow.h"

#include "domain/activities/recovery_types.h"
#include "domain/activities/testing/workflow_fixture.h"

namespace holdfast::recover {
namespace {

class RecoveryWorkflow : public activities::WorkflowFixture {
 protected:
  RecoveryWorkflow() {
    plan_.run_id = "run_1";
    plan_.point_id = "pt_1";
    plan_.resource_name = "a";
    plan_.restore.target = "/srv/a";
    effects_.overwrites = 2;
    answer("recover.begin",
           [this](const Json&) { return Result<Json>(activities::encode(plan_)); });
    answer("engine.plan_restore",
           [this](const Json&) { return Result<Json>(activities::encode(effects_)); });
    answer("recover.request_approval", [](const Json&) {
      return Result<Json>(JsonObject{{"approval", "apr_1"}, {"proposal_hash", "hash"}});
    });
    answer("engine.restore",
           [](const Json&) { return Result<Json>(activities::encode(activities::RestoreDone())); });
    answer("engine.compare_restored", [](const Json&) {
      activities::Verdict verdict;
      verdict.good = true;
      return Result<Json>(activities::encode(verdict));
    });
    for (const char* quiet : {"recover.end_approval", "recover.write_manifest", "notify.send"}) {
      answer(quiet, [](const Json&) { return Result<Json>(JsonObject{}); });
    }
  }

  void start_recovery() { start("data_recovery", data_recovery, JsonObject{{"resource", "a"}}); }
  void decide(bool approved, const std::string& hash) {
    ASSERT_TRUE(wait(client().signal(
        flow::ref(flow::WorkflowId("run_1")), "decision",
        JsonObject{{"approved", approved}, {"by", "eve"}, {"proposal_hash", hash}}, "")));
  }

  activities::RecoveryPlan plan_;
  activities::RestorePlan effects_;
};

TEST_F(RecoveryWorkflow, AsksNobodyWhereNothingIsLost) {
  effects_.overwrites = 0;
  start_recovery();
  EXPECT_EQ(run_to_end().run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("recover.request_approval"), 0);
  EXPECT_EQ(count("engine.plan_restore"), 1);
  EXPECT_EQ(count("engine.restore"), 1);
}

TEST_F(RecoveryWorkflow, RunsWhereItsTargetLies) {
  effects_.overwrites = 0;
  plan_.agent = "db1";
  start_recovery();
  EXPECT_EQ(serve("agent:db1"), (std::vector<std::string>{"engine.plan_restore", "engine.restore",
                                                          "engine.compare_restored"}));
  EXPECT_EQ(describe().run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("engine.restore"), 0);
}

TEST_F(RecoveryWorkflow, WritesNothingBeforeTheApprovalOfExactlyItsProposal) {
  start_recovery();
  EXPECT_EQ(count("recover.request_approval"), 1);
  EXPECT_EQ(count("engine.restore"), 0);
  decide(true, "hash");
  EXPECT_EQ(run_to_end().run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("engine.restore"), 1);
}

TEST_F(RecoveryWorkflow, AnApprovalOfAnotherProposalIsWorthNothing) {
  start_recovery();
  decide(true, "another hash");
  EXPECT_EQ(run_to_end().run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(count("engine.restore"), 0);
}

TEST_F(RecoveryWorkflow, ATargetThatChangedWhileItWasAskedIsNotOverwritten) {
  start_recovery();
  effects_.overwrites = 3;
  decide(true, "hash");
  EXPECT_EQ(run_to_end().run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(count("engine.restore"), 0);
}

TEST_F(RecoveryWorkflow, SilenceDenies) {
  start_recovery();
  clock_.advance(std::chrono::hours(24));
  EXPECT_EQ(run_to_end().run.status, flow::RunStatus::kFailed);
  EXPECT_TRUE(get_bool(input_of("recover.end_approval"), "expired"));
  EXPECT_EQ(count("engine.restore"), 0);
}

TEST_F(RecoveryWorkflow, ACancelledRunTakesItsQuestionBack) {
  start_recovery();
  ASSERT_TRUE(wait(client().cancel(flow::ref(flow::WorkflowId("run_1")), "test")));
  EXPECT_EQ(run_to_end().run.status, flow::RunStatus::kCanceled);
  EXPECT_EQ(count("recover.end_approval"), 1);
  EXPECT_FALSE(get_bool(input_of("recover.end_approval"), "expired"));
  EXPECT_EQ(count("engine.restore"), 0);
}

TEST_F(RecoveryWorkflow, BringsACopyBackFromAnotherSystemAndLeavesNothingThere) {
  effects_.overwrites = 0;
  plan_.restore.mirror = "west/svm2:vol1_copy";
  plan_.restore.snapshot_id = "pt_1";
  plan_.restore.volume = {"ontap", "/mnt/vol1", ""};
  answer("storage.fetch_copy", [](const Json&) {
    return Result<Json>(JsonObject{{"path", "/mnt/fetched"}, {"detail", "brought back"}});
  });
  answer("storage.drop_fetched", [](const Json&) { return Result<Json>(JsonObject{}); });
  answer("engine.restore",
         [](const Json&) { return Result<Json>(Error(Code::kDataLoss, "it broke")); });
  start_recovery();
  const auto ended = run_to_end();
  EXPECT_EQ(ended.run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(status_of_step(ended, "fetch"), "done");
  EXPECT_EQ(get_string(input_of("storage.fetch_copy"), "snapshot"), "pt_1");
  EXPECT_EQ(get_string(input_of("engine.restore"), "snapshot_path"), "/mnt/fetched");
  EXPECT_EQ(get_string(input_of("storage.drop_fetched"), "name"), "run_1");
  EXPECT_EQ(count("storage.drop_fetched"), 1);
}

// A storage system that brings volumes back by itself, with one newer snapshot.
class NativeRecovery : public RecoveryWorkflow {
 protected:
  NativeRecovery() {
    plan_.native = true;
    plan_.restore.snapshot_path = "/mnt/vol1/.snapshot/pt_1";
    plan_.restore.snapshot_id = "pt_1";
    plan_.restore.source_path = "/mnt/vol1";
    plan_.restore.volume = {"array", "/mnt/vol1", ""};
    effects_.overwrites = 0;
    means_.means = "snapshot_restore";
    means_.why = "nothing newer is lost by it";
    answer("storage.choose_means",
           [this](const Json&) { return Result<Json>(activities::encode(means_)); });
    answer("storage.restore", [](const Json&) {
      return Result<Json>(JsonObject{{"detail", "snapshot_restore: 3 entries"}});
    });
    answer("recover.copies_lost", [](const Json&) { return Result<Json>(JsonObject{}); });
  }

  activities::Means means_;
};

TEST_F(NativeRecovery, LeavesTheBytesToTheStorageSystemAndComparesThem) {
  start_recovery();
  const auto ended = run_to_end();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("storage.restore"), 1);
  EXPECT_EQ(count("engine.restore"), 0);
  EXPECT_EQ(count("engine.compare_restored"), 1);
  EXPECT_EQ(count("recover.copies_lost"), 0);
  EXPECT_EQ(get_string(input_of("engine.plan_restore"), "means"), "snapshot_restore");
  EXPECT_EQ(get_string(*find(ended.run.progress, "proposal"), "means"), "snapshot_restore");
}

TEST_F(NativeRecovery, CopiesFilesWhereTheStorageSystemRefuses) {
  answer("storage.restore",
         [](const Json&) { return Result<Json>(JsonObject{{"refused", "a newer reference"}}); });
  start_recovery();
  const auto ended = run_to_end();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("engine.restore"), 1);
  EXPECT_EQ(get_string(input_of("engine.restore"), "means"), "");
  EXPECT_EQ(get_string(ended.result.value(), "means"), "files_copied");
  EXPECT_NE(get_string(ended.result.value(), "means_why").find("a newer reference"),
            std::string::npos);
}

TEST_F(NativeRecovery, ASnapshotThatWouldBeLostNeedsAnApprovalAndIsMarked) {
  means_.loses = 1;
  means_.lost = {"pt_2"};
  start_recovery();
  EXPECT_EQ(count("storage.restore"), 0);
  const Json asked = input_of("recover.request_approval");
  EXPECT_NE(get_string(asked, "summary").find("throws away 1 newer snapshots, such as pt_2"),
            std::string::npos);
  decide(true, "hash");
  ASSERT_EQ(run_to_end().run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(get_int(input_of("storage.restore"), "loses"), 1);
  EXPECT_EQ(to_text(*find(input_of("recover.copies_lost"), "snapshots")), "[\"pt_2\"]");
}

TEST_F(NativeRecovery, AFailureOfTheStorageSystemIsNoRefusal) {
  answer("storage.restore", [](const Json&) {
    return Result<Json>(Error(Code::kDeadlineExceeded, "the restore still runs"));
  });
  start_recovery();
  EXPECT_EQ(run_to_end().run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(count("engine.restore"), 0) << "who knows what runs there";
}

TEST_F(NativeRecovery, AGroupGoesBackWholeAndEveryMemberIsCompared) {
  plan_.group = "shop";
  plan_.members = {plan_.restore};
  plan_.members[0].target = "/mnt/vol2";
  effects_.overwrites = 2;
  start_recovery();
  EXPECT_EQ(get_int(*find(input_of("recover.request_approval"), "proposal"), "overwrites"), 4);
  decide(true, "hash");
  ASSERT_EQ(run_to_end().run.status, flow::RunStatus::kCompleted);
  const Json asked = input_of("storage.restore");
  EXPECT_TRUE(get_bool(asked, "group"));
  EXPECT_EQ(find(asked, "requests")->get_array().size(), 2u);
  EXPECT_EQ(count("engine.compare_restored"), 2);
}

}  // namespace
}  // namespace holdfast::recover

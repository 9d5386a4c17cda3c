// scheduled_backup on a real engine with activities that only note what they were asked.
#include "domain/protect/backup_workflow.h"

#include "domain/activities/plan_types.h"
#include "domain/activities/testing/workflow_fixture.h"

namespace holdfast::protect {
namespace {

using activities::BackupPlan;

class BackupWorkflow : public activities::WorkflowFixture {
 protected:
  BackupWorkflow() {
    plan_.run_id = "run_1";
    plan_.point_id = "pt_1";
    plan_.resource_name = "a";
    plan_.volume = {"directory", "/srv/a", ""};
    plan_.copies = {{"local_snapshot", "restic", {"default", "/repo", "/key"}, ""},
                    {"local_replica", "restic", {"replica", "/replica", "/key2"}, ""}};
    plan_.channels = {"ops"};
    answer("protect.begin_backup",
           [this](const Json&) { return Result<Json>(activities::encode(plan_)); });
    answer("storage.snapshot", [](const Json&) {
      activities::SnapshotTaken taken;
      taken.read_path = "/srv/a";
      taken.consistency = "none";
      return Result<Json>(activities::encode(taken));
    });
    answer("engine.backup", [](const Json&) {
      activities::BackupDone done;
      done.snapshot_id = "aa";
      done.files = 3;
      return Result<Json>(activities::encode(done));
    });
    answer("engine.copy", [](const Json&) {
      return Result<Json>(JsonObject{{"snapshot_id", "bb"}, {"added_bytes", 1}});
    });
    answer("engine.verify", [](const Json&) {
      activities::Verdict verdict;
      verdict.good = true;
      return Result<Json>(activities::encode(verdict));
    });
    answer("protect.plan_retention", [](const Json&) {
      return Result<Json>(JsonObject{{"detail", "all kept"}, {"batches", JsonArray{}}});
    });
    for (const char* quiet : {"storage.check_space", "storage.verify_connectivity",
                              "storage.replica_state", "protect.record_point", "protect.finish_run",
                              "notify.send", "storage.delete_snapshots"}) {
      answer(quiet, [](const Json&) { return Result<Json>(JsonObject{}); });
    }
  }

  flow::RunDescription run() {
    start("scheduled_backup", scheduled_backup, JsonObject{{"resource", "a"}});
    return run_to_end();
  }

  BackupPlan plan_;
};

TEST_F(BackupWorkflow, RecordsThePointAfterItsCopiesWereReadBack) {
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("engine.backup"), 1);
  EXPECT_EQ(count("engine.copy"), 1);
  EXPECT_EQ(count("engine.verify"), 2);
  const auto record = activities::decode<activities::PointRecord>(input_of("protect.record_point"));
  ASSERT_EQ(record.copies.size(), 2u);
  EXPECT_EQ(record.copies[1].snapshot_id, "bb");
  EXPECT_TRUE(record.copies[1].read_back);
  EXPECT_EQ(get_string(input_of("protect.finish_run"), "status"), "completed");
  EXPECT_EQ(get_string(input_of("notify.send"), "event"), "backup.completed");
}

TEST_F(BackupWorkflow, AnAgentTouchesItsDataAndTheServerTheRest) {
  plan_.volume.agent = "db1";
  start("scheduled_backup", scheduled_backup, JsonObject{{"resource", "a"}});
  EXPECT_EQ(serve("agent:db1"), (std::vector<std::string>{
                                    "storage.check_space", "storage.verify_connectivity",
                                    "storage.replica_state", "storage.snapshot", "engine.backup"}));
  EXPECT_EQ(describe().run.status, flow::RunStatus::kCompleted);
  for (const char* own : {"storage.snapshot", "engine.backup"}) {
    EXPECT_EQ(count(own), 0) << own;
  }
  EXPECT_EQ(count("engine.copy"), 1);
  EXPECT_EQ(count("engine.verify"), 2);
}

TEST_F(BackupWorkflow, SwitchesThatAreOffAreShownAsSkipped) {
  plan_.check_space = false;
  plan_.verify_integrity = false;
  plan_.update_catalog = false;
  plan_.send_notifications = false;
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  for (const char* name :
       {"check_space", "verify_integrity", "update_catalog", "send_notifications"}) {
    EXPECT_EQ(status_of_step(ended, name), "skipped") << name;
  }
  for (const char* name :
       {"storage.check_space", "engine.verify", "protect.record_point", "notify.send"}) {
    EXPECT_EQ(count(name), 0) << name;
  }
}

TEST_F(BackupWorkflow, WhatTheResourceLacksIsNotApplicableNeverDone) {
  const flow::RunDescription ended = run();
  EXPECT_EQ(status_of_step(ended, "consistency_group"), "not_applicable");
  EXPECT_EQ(status_of_step(ended, "application_quiesce"), "not_applicable");
  EXPECT_EQ(status_of_step(ended, "snapshot"), "not_applicable");
}

TEST_F(BackupWorkflow, AFailedLevelFailsTheRunAndKeepsTheLevelThatWasMade) {
  answer("engine.copy", [](const Json&) {
    return Result<Json>(Error(Code::kResourceExhausted, "the replica's disk is full"));
  });
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(flow::from_failure(*ended.failure).code(), Code::kResourceExhausted);
  const auto record = activities::decode<activities::PointRecord>(input_of("protect.record_point"));
  ASSERT_EQ(record.copies.size(), 1u);
  EXPECT_EQ(record.copies[0].level, "local_snapshot");
  EXPECT_EQ(get_string(input_of("protect.finish_run"), "status"), "failed");
  EXPECT_EQ(get_string(input_of("notify.send"), "severity"), "error");
}

TEST_F(BackupWorkflow, WhatDoesNotReadBackIsNeverAPoint) {
  answer("engine.verify", [](const Json&) {
    activities::Verdict verdict;
    verdict.detail = "pack 12 is damaged";
    return Result<Json>(activities::encode(verdict));
  });
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(flow::from_failure(*ended.failure).code(), Code::kDataLoss);
  EXPECT_EQ(count("protect.record_point"), 0);
  EXPECT_EQ(status_of_step(ended, "verify_integrity"), "failed");
}

TEST_F(BackupWorkflow, AFailedCheckEndsBeforeAnythingIsTouched) {
  answer("storage.check_space", [](const Json&) {
    return Result<Json>(Error(Code::kResourceExhausted, "only 1 MiB is free"));
  });
  const flow::RunDescription ended = run();
  EXPECT_EQ(ended.run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(count("storage.snapshot"), 0);
  EXPECT_EQ(count("engine.backup"), 0);
  EXPECT_EQ(status_of_step(ended, "local_snapshot"), "pending");
  EXPECT_EQ(count("protect.finish_run"), 1);
}

TEST_F(BackupWorkflow, TheStorageSystemCarriesItsSnapshotToTheOtherLevels) {
  plan_.volume = {"ontap", "/mnt/vol1", ""};
  plan_.copies = {{"local_snapshot", "ontap_snapshot", {}, ""},
                  {"remote_replica", "snapmirror", {}, ""},
                  {"cloud_backup", "snapmirror_cloud", {}, ""}};
  plan_.copies[1].destination = "west/svm2:vol1_copy";
  plan_.copies[1].transfer_schedule = "hourly";
  plan_.copies[1].lock_seconds = 60;
  answer("storage.snapshot", [](const Json&) {
    activities::SnapshotTaken taken;
    taken.name = "pt_1";
    taken.read_path = "/mnt/vol1/.snapshot/pt_1";
    taken.consistency = "crash";
    return Result<Json>(activities::encode(taken));
  });
  answer("storage.replicate", [](const Json& input) {
    return Result<Json>(JsonObject{{"location", get_string(input, "level")}, {"added_bytes", 7}});
  });
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("engine.backup"), 0);
  EXPECT_EQ(count("storage.replicate"), 2);
  const Json asked = input_of("storage.replicate");
  EXPECT_EQ(get_string(asked, "destination"), "west/svm2:vol1_copy");
  EXPECT_EQ(get_string(asked, "transfer_schedule"), "hourly");
  EXPECT_EQ(get_string(asked, "snapshot"), "pt_1");
  EXPECT_EQ(get_string(asked, "lock"), "PT60S");
  EXPECT_EQ(get_int(input_of("storage.snapshot"), "lock_seconds"), 0);
  const auto record = activities::decode<activities::PointRecord>(input_of("protect.record_point"));
  ASSERT_EQ(record.copies.size(), 3u);
  EXPECT_EQ(record.copies[1].location, "remote_replica");
  EXPECT_EQ(record.copies[1].snapshot_id, "pt_1");
  EXPECT_EQ(status_of_step(ended, "verify_integrity"), "not_applicable");
}

TEST_F(BackupWorkflow, AFailedReplicaKeepsTheSnapshotThatIsACopy) {
  plan_.copies = {{"local_snapshot", "ontap_snapshot", {}, ""},
                  {"remote_replica", "snapmirror", {}, ""}};
  answer("storage.snapshot", [](const Json&) {
    activities::SnapshotTaken taken;
    taken.name = "pt_1";
    return Result<Json>(activities::encode(taken));
  });
  answer("storage.replicate", [](const Json&) {
    return Result<Json>(Error(Code::kFailedPrecondition, "the relationship is broken_off"));
  });
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(count("storage.delete_snapshots"), 0);
  EXPECT_EQ(count("protect.record_point"), 1);
}

TEST_F(BackupWorkflow, WhatIsLockedStaysInTheCatalogAndTheStepSaysWhy) {
  answer("protect.plan_retention", [](const Json&) {
    return Result<Json>(
        JsonObject{{"detail", "1 of 3 points kept"},
                   {"batches", JsonArray{JsonObject{{"activity", "storage.delete_copies"},
                                                    {"names", JsonArray{"pt_a", "pt_b"}},
                                                    {"copies", JsonArray{"copy_a", "copy_b"}}}}}});
  });
  answer("storage.delete_copies", [](const Json&) {
    return Result<Json>(
        JsonObject{{"kept", JsonArray{"pt_b"}}, {"detail", "1 copies are locked until 2030"}});
  });
  answer("protect.copies_expired", [](const Json&) { return Result<Json>(JsonObject{}); });
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(to_text(*find(input_of("protect.copies_expired"), "copies")), "[\"copy_a\"]");
  for (const Json& step : find(ended.run.progress, "steps")->get_array()) {
    if (get_string(step, "name") == "retention") {
      EXPECT_EQ(get_string(step, "detail"),
                "1 copies removed; 1 of 3 points kept; 1 copies are locked until 2030");
    }
  }
}

TEST_F(BackupWorkflow, TwoCopiesOfOneLevelHaveAStepEach) {
  plan_.copies = {{"remote_replica", "snapmirror", {}, ""},
                  {"remote_replica", "snapmirror", {}, ""}};
  plan_.copies[0].destination = "west/s:a";
  plan_.copies[1].destination = "east/s:b";
  answer("storage.replicate", [](const Json& input) {
    return Result<Json>(JsonObject{{"location", get_string(input, "destination")}});
  });
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(status_of_step(ended, "remote_replica west/s:a"), "done");
  EXPECT_EQ(status_of_step(ended, "remote_replica east/s:b"), "done");
}

class GroupBackup : public BackupWorkflow {
 protected:
  GroupBackup() {
    plan_.volume = {"array", "/mnt/data", ""};
    plan_.consistency_group = "shop";
    plan_.copies = {{"local_snapshot", "ontap_snapshot", {}, ""}};
    BackupPlan logs = plan_;
    logs.point_id = "pt_2";
    logs.resource_name = "logs";
    logs.volume.path = "/mnt/logs";
    logs.quiesce_command = "stop";
    logs.copies.push_back({"remote_replica", "snapmirror", {}, ""});
    plan_.members = {logs};
    answer("storage.snapshot", [this](const Json&) {
      activities::SnapshotTaken taken;
      taken.name = "pt_1";
      taken.read_path = "/mnt/data/.snapshot/pt_1";
      Json whole = activities::encode(taken);
      taken.read_path = "/mnt/logs/.snapshot/pt_1";
      whole.get_object()["members"] =
          members_ == 0 ? JsonArray{} : JsonArray{activities::encode(taken)};
      whole.get_object()["group_detail"] = "one snapshot of 2 volumes";
      return Result<Json>(whole);
    });
    answer("storage.replicate", [](const Json&) {
      return Result<Json>(JsonObject{{"location", "west/svm2:logs"}, {"added_bytes", 7}});
    });
  }
  int members_ = 1;
};

TEST_F(GroupBackup, OneSnapshotGivesEveryMemberItsPoint) {
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kCompleted);
  EXPECT_EQ(count("storage.snapshot"), 1);
  const Json asked = input_of("storage.snapshot");
  EXPECT_EQ(get_string(asked, "group"), "shop");
  const Json& member = find(asked, "members")->get_array().at(0);
  EXPECT_EQ(get_string(*find(member, "volume"), "path"), "/mnt/logs");
  EXPECT_EQ(get_string(member, "quiesce_command"), "stop");
  EXPECT_EQ(count("protect.record_point"), 2);
  EXPECT_EQ(count("storage.replicate"), 1);
  EXPECT_EQ(get_string(input_of("storage.replicate"), "snapshot"), "pt_1");
  EXPECT_EQ(status_of_step(ended, "consistency_group"), "done");
  EXPECT_EQ(status_of_step(ended, "logs/remote_replica"), "done");
  EXPECT_EQ(status_of_step(ended, "logs/update_catalog"), "done");
  EXPECT_EQ(count("protect.finish_run"), 1);
}

TEST_F(GroupBackup, ASnapshotThatLacksAMemberIsNoPointOfAnybody) {
  members_ = 0;
  const flow::RunDescription ended = run();
  EXPECT_EQ(ended.run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(status_of_step(ended, "consistency_group"), "failed");
  EXPECT_EQ(count("protect.record_point"), 0);
  EXPECT_EQ(count("storage.delete_snapshots"), 1) << "nothing half done stays";
}

TEST_F(GroupBackup, OneMembersTroubleTakesNothingFromTheOthers) {
  answer("storage.replicate", [](const Json&) {
    return Result<Json>(Error(Code::kFailedPrecondition, "the relationship is broken_off"));
  });
  const flow::RunDescription ended = run();
  ASSERT_EQ(ended.run.status, flow::RunStatus::kFailed);
  EXPECT_EQ(count("protect.record_point"), 2);
  EXPECT_EQ(count("storage.delete_snapshots"), 0);
  EXPECT_EQ(status_of_step(ended, "logs/remote_replica"), "failed");
}

}  // namespace
}  // namespace holdfast::protect

// Consistency groups in the state database: who belongs together, whose schedules count, what
// retention may let go.
#include "domain/protect/groups.h"

#include "domain/protect/resources.h"
#include "domain/protect/retention.h"
#include "domain/protect/schedule_settle.h"
#include "domain/protect/testing/scheduler_world.h"

namespace holdfast::protect {
namespace {

class Groups : public SchedulerWorld {
 protected:
  Groups() {
    context_.storage_facts = [](const std::string& driver) {
      return StorageFacts{.groups = driver == "array"};
    };
    apply(
        "kind: policy\nname: p\nschedules:\n"
        "  - daily: {time: '02:30', frequency: daily, retention: 30_days}\n");
    apply(
        "kind: policy\nname: weekly\nschedules:\n"
        "  - weekly: {time: '02:30', day: sunday, retention: 30_days}\n");
    data_ = member("data", 1);
    logs_ = member("logs", 2);
  }

  inventory::Resource member(const std::string& name, int created, const std::string& policy = "p",
                             const std::string& driver = "array") {
    inventory::Resource resource;
    resource.id = inventory::ResourceId("res_" + name);
    resource.name = name;
    resource.path = "/mnt/" + name;
    resource.driver = driver;
    resource.policy = policy;
    resource.consistency_group = "shop";
    resource.created_at = UtcTime(std::chrono::seconds(created));
    const Status kept = on_database<Status>(
        [&](db::Connection& sql) { return inventory::put_resource(sql, resource); });
    EXPECT_TRUE(kept) << kept.error().to_string();
    return resource;
  }
  template <class T>
  T on_database(std::function<T(db::Connection&)> work) {
    return database_.write(std::move(work));
  }
  Status check(const inventory::Resource& resource, const std::string& policy) {
    return on_database<Status>([&](db::Connection& sql) -> Status {
      HF_TRY(const Policy found, find_policy(sql, policy, "UTC"));
      return check_group(sql, context_, resource, found);
    });
  }
  std::vector<std::string> members_of(const inventory::Resource& resource) {
    std::vector<std::string> names;
    const auto members = on_database<Result<std::vector<inventory::Resource>>>(
        [&](db::Connection& sql) { return group_members(sql, context_, resource); });
    for (const inventory::Resource& one : members.value()) {
      names.push_back(one.name);
    }
    return names;
  }

  // A point of a member, `days` old, from the group run of that day.
  std::string point(const inventory::Resource& resource, int days,
                    const std::string& retention = "30_days") {
    const std::string run = "run_0190aaaa-0000-7000-8000-0000000000" + std::to_string(10 + days);
    const std::string own = "pt_" + run.substr(4);
    inventory::Point point;
    point.id = inventory::PointId(
        resource.id == data_.id ? own : member_point_id(own, resource.id.text()));
    point.resource = resource.id;
    point.resource_name = resource.name;
    point.time = clock_.now() - std::chrono::hours(24 * days);
    point.timezone = "UTC";
    point.run_id = run;
    point.schedules = {{"daily", retention}};
    inventory::Copy copy;
    copy.id = inventory::CopyId("copy_" + point.id.text());
    copy.level = "local_snapshot";
    copy.method = "ontap_snapshot";
    copy.snapshot_id = own;
    copy.state = "available";
    point.copies = {copy};
    const Status kept =
        on_database<Status>([&](db::Connection& sql) { return inventory::put_point(sql, point); });
    EXPECT_TRUE(kept) << kept.error().to_string();
    return point.id.text();
  }
  Json retention_of(const inventory::Resource& resource) {
    return plan_resource_retention(context_, JsonObject{{"resource_id", resource.id.text()}})
        .value();
  }

  inventory::Resource data_;
  inventory::Resource logs_;
};

TEST_F(Groups, HoldsTheMembersOfOneSystemOldestFirst) {
  member("elsewhere", 3, "p", "btrfs");
  EXPECT_EQ(members_of(logs_), (std::vector<std::string>{"data", "logs"}));
  context_.storage_facts = nullptr;
  EXPECT_EQ(members_of(logs_), (std::vector<std::string>{"logs"}));
}

TEST_F(Groups, ASwitchedOffMemberIsProtectedAlone) {
  apply(
      "kind: policy\nname: alone\nsteps:\n  - execute_backup: {consistency_group: false}\n"
      "schedules:\n  - daily: {time: '03:30', frequency: daily}\n");
  const inventory::Resource alone = member("alone", 3, "alone");
  EXPECT_EQ(members_of(alone), (std::vector<std::string>{"alone"}));
  EXPECT_EQ(members_of(data_), (std::vector<std::string>{"data", "logs"}));
  EXPECT_TRUE(check(alone, "alone"));
}

TEST_F(Groups, OnlyTheOldestMembersSchedulesFire) {
  const auto schedules = on_database<Result<std::vector<Schedule>>>(
      [&](db::Connection& sql) { return list_all_schedules(sql, context_); });
  ASSERT_TRUE(schedules);
  ASSERT_EQ(schedules->size(), 1u);
  EXPECT_EQ(schedules->front().resource.name, "data");
}

TEST_F(Groups, RefusesMembersWithOtherSchedules) {
  EXPECT_TRUE(check(logs_, "p"));
  const Status refused = check(logs_, "weekly");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kFailedPrecondition);
  EXPECT_NE(refused.error().message().find("the same schedules"), std::string::npos);
}

TEST_F(Groups, GivesEveryMemberAPointOfItsOwnThatARepetitionFindsAgain) {
  const std::string own = "pt_0190aaaa-0000-7000-8000-000000000001";
  const std::string its = member_point_id(own, "res_logs");
  EXPECT_EQ(its, member_point_id(own, "res_logs"));
  EXPECT_NE(its, own);
  EXPECT_NE(its, member_point_id(own, "res_temp"));
  EXPECT_EQ(its.size(), own.size());
  EXPECT_EQ(its.substr(0, 27), own.substr(0, 27));
}

TEST_F(Groups, AGroupsSnapshotGoesWholeWhenNoMemberKeepsIt) {
  point(data_, 0);
  point(logs_, 0);
  const std::string old = point(data_, 40);
  const std::string its = point(logs_, 40);
  const Json plan = retention_of(data_);
  const auto& batches = find(plan, "batches")->get_array();
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(to_text(*find(batches[0], "names")), "[\"" + old + "\",\"" + old + "\"]");
  EXPECT_EQ(to_text(*find(batches[0], "copies")), "[\"copy_" + old + "\",\"copy_" + its + "\"]");
}

TEST_F(Groups, AMemberThatKeepsItsPointKeepsTheWholeSnapshot) {
  point(data_, 0);
  point(logs_, 0);
  point(data_, 40);
  point(logs_, 40, "90_days");
  EXPECT_TRUE(find(retention_of(data_), "batches")->get_array().empty());
  ASSERT_TRUE(on_database<Status>([&](db::Connection& sql) {
    return inventory::remove_resource(sql, logs_.id, clock_.now());
  }));
  EXPECT_EQ(find(retention_of(data_), "batches")->get_array().size(), 1u);
}

// Copies in an object store go by the policy of their relationship: how many newer ones there are
// is what that can be held against.
TEST_F(Groups, TellsHowManyNewerCopiesAnObjectStoreHas) {
  point(data_, 0);
  for (const int days : {40, 41}) {
    const std::string id = point(data_, days);
    ASSERT_TRUE(on_database<Status>([&](db::Connection& sql) -> Status {
      HF_TRY(inventory::Point known, inventory::find_point(sql, id));
      inventory::Copy copy = known.copies.front();
      copy.id = inventory::CopyId(copy.id.text() + "_cloud");
      copy.level = "cloud_backup";
      copy.method = "snapmirror_cloud";
      copy.location = "vault:/objstore";
      known.copies = {copy};
      return inventory::put_point(sql, known);
    }));
  }
  const Json plan = retention_of(data_);
  for (const Json& batch : find(plan, "batches")->get_array()) {
    if (get_string(batch, "mirror") == "vault:/objstore") {
      EXPECT_EQ(to_text(*find(batch, "newer")), "[0,1]");
      return;
    }
  }
  FAIL() << "no batch for the object store: " << to_text(plan);
}

}  // namespace
}  // namespace holdfast::protect

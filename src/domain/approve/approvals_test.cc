#include "domain/approve/approvals.h"

#include <gtest/gtest.h>

#include "core/db/testing/temp_database.h"

namespace holdfast::approve {
namespace {

using access::Principal;
using std::chrono::hours;

const UtcTime kNow{std::chrono::seconds(1'000'000'000)};
const Principal kOwner{"key_owner", "owner", access::Scopes{access::Scope::kAdmin}};
const Principal kOther{"key_other", "other", access::Scopes{access::Scope::kApprove}};

class Approvals : public testing::Test {
 protected:
  void ask(const std::string& id, bool four_eyes) {
    Approval approval;
    approval.id = id;
    approval.run_id = "run_1";
    approval.workflow = "data_recovery";
    approval.proposal = JsonObject{{"overwrites", 3}};
    approval.proposal_hash = "hash";
    approval.four_eyes = four_eyes;
    approval.requested_by = kOwner.id;
    approval.requested_at = kNow;
    approval.expires_at = kNow + kSilenceDenies;
    ASSERT_TRUE(database_.write([&](db::Connection& sql) { return request(sql, approval); }));
  }
  Result<Approval> answer(const std::string& id, bool yes, const Principal& who, UtcTime at) {
    return database_.write(
        [&](db::Connection& sql) { return decide(sql, id, {yes, "because"}, who, at); });
  }

  db::TempDatabase database_{migrations()};
};

TEST_F(Approvals, OwnRequestsMayBeApprovedAndItIsRecorded) {
  ask("apr_1", false);
  const auto decided = answer("apr_1", true, kOwner, kNow + hours(1));
  ASSERT_TRUE(decided);
  EXPECT_EQ(decided->status, ApprovalStatus::kApproved);
  EXPECT_TRUE(decided->self_approval);
  const auto stored = database_.write([](db::Connection& sql) { return find(sql, "apr_1"); });
  EXPECT_TRUE(stored->self_approval);
  EXPECT_EQ(stored->comment, "because");
}

TEST_F(Approvals, FourEyesNeedSomebodyElse) {
  ask("apr_1", true);
  EXPECT_EQ(answer("apr_1", true, kOwner, kNow).error().code(), Code::kPermissionDenied);
  const auto decided = answer("apr_1", true, kOther, kNow);
  ASSERT_TRUE(decided);
  EXPECT_FALSE(decided->self_approval);
}

TEST_F(Approvals, AreDecidedOnceAndSilenceNeverApproves) {
  ask("apr_1", false);
  ASSERT_TRUE(answer("apr_1", false, kOther, kNow));
  EXPECT_EQ(answer("apr_1", true, kOther, kNow).error().code(), Code::kConflict);
  ask("apr_2", false);
  EXPECT_EQ(answer("apr_2", true, kOther, kNow + kSilenceDenies).error().code(), Code::kConflict);
  EXPECT_TRUE(database_
                  .write([](db::Connection& sql) {
                    return end_undecided(sql, "apr_2", ApprovalStatus::kExpired,
                                         kNow + kSilenceDenies);
                  })
                  .value());
  EXPECT_FALSE(database_
                   .write([](db::Connection& sql) {
                     return end_undecided(sql, "apr_1", ApprovalStatus::kWithdrawn, kNow);
                   })
                   .value());
}

TEST_F(Approvals, AskingTwiceChangesNothing) {
  ask("apr_1", false);
  ASSERT_TRUE(answer("apr_1", true, kOther, kNow));
  ask("apr_1", false);
  EXPECT_EQ(database_.write([](db::Connection& sql) { return find(sql, "apr_1"); })->status,
            ApprovalStatus::kApproved);
  EXPECT_EQ(database_.write([](db::Connection& sql) { return list(sql, "", "", 10); })->size(), 1u);
  EXPECT_EQ(database_.write([](db::Connection& sql) { return find(sql, "apr_9"); }).error().code(),
            Code::kNotFound);
}

}  // namespace
}  // namespace holdfast::approve

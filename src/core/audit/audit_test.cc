#include "core/audit/audit.h"

#include <gtest/gtest.h>
#include <future>

#include "core/db/testing/temp_database.h"

namespace holdfast::audit {
namespace {

db::Migrations schema() {
  db::Migrations all = migrations();
  all.push_back({"test", 1, "CREATE TABLE thing(name TEXT NOT NULL UNIQUE) STRICT"});
  return all;
}

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() { reset(); }

  // Begins with an empty database.
  void reset() {
    database_.reset();
    database_ = std::make_unique<db::TempDatabase>(schema());
  }
  Result<Entry> add(const Change& change) {
    return (*database_)->write_blocking([change](db::Connection& sql) -> Result<Entry> {
      return append(sql, change);
    });
  }
  std::vector<Entry> entries(Query query = {}) {
    auto found =
        (*database_)->read_blocking([query](db::Connection& sql) -> Result<std::vector<Entry>> {
          return list(sql, query);
        });
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? *found : std::vector<Entry>();
  }
  Result<Head> check() {
    return (*database_)->read_blocking([](db::Connection& sql) -> Result<Head> {
      return verify(sql);
    });
  }
  // Does to the table what no code of Holdfast does.
  void tamper(const std::string& statement) {
    const auto done =
        (*database_)->write_blocking([statement](db::Connection& sql) -> Result<std::int64_t> {
          return sql.exec(statement);
        });
    ASSERT_TRUE(done) << done.error().to_string();
    ASSERT_GT(*done, 0) << statement;
  }

  std::unique_ptr<db::TempDatabase> database_;
};

Change change(std::string target) {
  return {.actor = "owner",
          .action = "resource.created",
          .target = std::move(target),
          .request_id = "req_1",
          .detail = "by hand",
          .payload_hash = payload_hash("{}"),
          .at = UtcTime(std::chrono::seconds(1'800'000'000))};
}

TEST_F(AuditTest, KeepsWhatItIsTold) {
  ASSERT_TRUE(add(change("res_1")));
  const auto found = entries();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].id, 1);
  EXPECT_EQ(found[0].change.actor, "owner");
  EXPECT_EQ(found[0].change.action, "resource.created");
  EXPECT_EQ(found[0].change.target, "res_1");
  EXPECT_EQ(found[0].change.request_id, "req_1");
  EXPECT_EQ(found[0].change.detail, "by hand");
  EXPECT_EQ(found[0].change.payload_hash,
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  EXPECT_EQ(found[0].change.at, change("").at);
}

TEST_F(AuditTest, HappensTogetherWithTheChangeOrNotAtAll) {
  const auto make = [this](const std::string& name) {
    return (*database_)->write_blocking([name](db::Connection& sql) -> Result<Entry> {
      HF_TRY(const Entry entry, append(sql, change(name)));
      HF_TRY_VOID(sql.exec("INSERT INTO thing(name) VALUES (?1)", name));
      return entry;
    });
  };
  ASSERT_TRUE(make("a"));
  EXPECT_FALSE(make("a")) << "the name is taken";
  const auto second = make("b");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->id, 2) << "what was rolled back leaves no gap";
  EXPECT_EQ(check()->entries, 2);
}

TEST_F(AuditTest, ChainsEntriesThatWereCommittedInOneGroup) {
  std::vector<std::promise<Status>> done(50);
  for (auto& promise : done) {
    (*database_)
        ->submit_write(
            [](db::Connection& sql) -> Status {
              HF_TRY_VOID(append(sql, change("x")));
              return {};
            },
            [&promise](Status status) { promise.set_value(std::move(status)); });
  }
  for (auto& promise : done) {
    EXPECT_TRUE(promise.get_future().get());
  }
  const auto head = check();
  ASSERT_TRUE(head) << head.error().to_string();
  EXPECT_EQ(head->entries, 50);
  EXPECT_EQ(head->hash, entries()[0].hash);
}

TEST_F(AuditTest, PagesFromTheNewestToTheOldest) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(add(change(i % 2 == 0 ? "even" : "odd")));
  }
  const auto first = entries({.before = std::nullopt, .target = "", .limit = 2});
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].id, 5);
  const auto second = entries({.before = first[1].id, .target = "", .limit = 2});
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].id, 3);
  EXPECT_EQ(entries({.before = std::nullopt, .target = "even", .limit = 10}).size(), 2u);
  EXPECT_EQ(entries({.before = 4, .target = "even", .limit = 10}).size(), 1u);
}

TEST_F(AuditTest, VerifiesTheEmptyLog) {
  const auto head = check();
  ASSERT_TRUE(head) << head.error().to_string();
  EXPECT_EQ(head->entries, 0);
  EXPECT_EQ(head->hash, std::string(64, '0'));
}

TEST_F(AuditTest, FindsWhatWasEditedRemovedOrMoved) {
  struct Case {
    const char* statement;
    const char* entry;
  };
  for (const Case one : {
           Case{"UPDATE audit_entries SET actor = 'nobody' WHERE id = 2", "2"},
           Case{"UPDATE audit_entries SET at = at + 1 WHERE id = 2", "2"},
           Case{"UPDATE audit_entries SET payload_hash = '' WHERE id = 2", "2"},
           Case{"UPDATE audit_entries SET actor = 'ownerres', action = 'ource.created' "
                "WHERE id = 2",
                "2"},
           Case{"UPDATE audit_entries SET hash = '00' WHERE id = 3", "3"},
           Case{"DELETE FROM audit_entries WHERE id = 2", "2"},
           Case{"DELETE FROM audit_entries WHERE id = 1", "1"},
           Case{"UPDATE audit_entries SET id = 9 WHERE id = 3", "3"},
       }) {
    reset();
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(add(change("x")));
    }
    ASSERT_TRUE(check());
    tamper(one.statement);
    const auto head = check();
    ASSERT_FALSE(head) << one.statement;
    EXPECT_EQ(head.error().code(), Code::kDataLoss);
    EXPECT_NE(head.error().to_string().find(std::string("entry: ") + one.entry), std::string::npos)
        << one.statement << ": " << head.error().to_string();
  }
}

TEST_F(AuditTest, RefusesWhatSaysTooLittleOrTooMuch) {
  Change nobody = change("x");
  nobody.actor.clear();
  EXPECT_EQ(add(nobody).error().code(), Code::kInvalidArgument);
  Change nothing = change("x");
  nothing.action.clear();
  EXPECT_EQ(add(nothing).error().code(), Code::kInvalidArgument);
  Change novel = change("x");
  novel.detail = std::string(5000, 'x');
  EXPECT_EQ(add(novel).error().code(), Code::kInvalidArgument);
  EXPECT_TRUE(entries().empty());
}

// The chain's bytes are a format: this value was computed by another implementation.
TEST_F(AuditTest, ComputesTheHashThatTheFormatAsksFor) {
  ASSERT_TRUE(add(change("res_1")));
  EXPECT_EQ(entries()[0].hash, "7c1327978d8a31544638babf15b52bd4d9b5e8c99e226dcf827f97de6c59b479");
}

}  // namespace
}  // namespace holdfast::audit

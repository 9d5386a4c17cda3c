#include "domain/access/keys.h"

#include <gtest/gtest.h>

#include "core/db/testing/temp_database.h"
#include "core/env/sim/seeded_random.h"
#include "domain/access/idempotency.h"

namespace holdfast::access {
namespace {

const UtcTime kNow{std::chrono::seconds(1'000'000'000)};

class Keys : public testing::Test {
 protected:
  ApiKey make(const std::string& name, Scopes scopes, SecretString& text) {
    text = make_key_text(random_);
    ApiKey key{"key_" + name, name, scopes, kNow, std::nullopt};
    const auto made = database_.write([&](db::Connection& sql) { return add_key(sql, key, text); });
    EXPECT_TRUE(made);
    return key;
  }
  Result<Principal> login(const std::string& text) {
    return database_.write([&](db::Connection& sql) { return authenticate(sql, text); });
  }

  db::TempDatabase database_{migrations()};
  env::SeededRandom random_{7};
};

TEST_F(Keys, OpenTheirOwnScopesOnly) {
  SecretString text;
  make("ci", Scopes{Scope::kRead, Scope::kOperate}, text);
  const auto who = login(text.expose());
  ASSERT_TRUE(who);
  EXPECT_EQ(who->name, "ci");
  EXPECT_TRUE(who->scopes.allows(Scope::kOperate));
  EXPECT_FALSE(who->scopes.allows(Scope::kRecover));
  EXPECT_TRUE(Scopes{Scope::kAdmin}.allows(Scope::kSecrets));
}

TEST_F(Keys, AreNotInTheDatabase) {
  SecretString text;
  make("ci", Scopes{Scope::kRead}, text);
  const auto rows =
      database_.write([](db::Connection& sql) { return sql.all("SELECT * FROM api_keys"); });
  ASSERT_TRUE(rows);
  for (size_t column = 0; column < rows->front().size(); ++column) {
    EXPECT_EQ(rows->front().text(column).find(text.expose().substr(4)), std::string::npos);
  }
}

TEST_F(Keys, StopWorkingWhenRevokedAndFreeTheirName) {
  SecretString text;
  make("ci", Scopes{Scope::kRead}, text);
  ASSERT_TRUE(database_.write([](db::Connection& sql) { return revoke_key(sql, "ci", kNow); }));
  EXPECT_EQ(login(text.expose()).error().code(), Code::kUnauthenticated);
  EXPECT_EQ(login("hfk_wrong").error().code(), Code::kUnauthenticated);
  SecretString second = make_key_text(random_);
  const ApiKey again{"key_2", "ci", Scopes{Scope::kRead}, kNow, std::nullopt};
  EXPECT_TRUE(database_.write([&](db::Connection& sql) { return add_key(sql, again, second); }));
  const ApiKey third{"key_3", "ci", Scopes{Scope::kRead}, kNow, std::nullopt};
  EXPECT_EQ(
      database_
          .write([&](db::Connection& sql) { return add_key(sql, third, make_key_text(random_)); })
          .error()
          .code(),
      Code::kAlreadyExists);
}

TEST(Scope, SurvivesItsName) {
  for (int i = 0; i < kScopeCount; ++i) {
    const auto scope = static_cast<Scope>(i);
    EXPECT_EQ(scope_from_name(scope_name(scope)).value(), scope);
  }
  EXPECT_FALSE(scope_from_name("everything"));
}

TEST_F(Keys, IdempotencyKeepsTheFirstAnswerForTheSameRequestOnly) {
  const auto store = [&](const std::string& body) {
    return database_.write(
        [&](db::Connection& sql) { return store_answer(sql, "key_1", "k", {201, body}); });
  };
  const auto reserve = [&](const std::string& hash, UtcTime now) {
    return database_.write(
        [&](db::Connection& sql) { return reserve_key(sql, "key_1", "k", hash, "token", now); });
  };
  EXPECT_FALSE(reserve("a", kNow).value().answer);
  ASSERT_TRUE(store("one"));
  ASSERT_TRUE(store("two"));
  EXPECT_EQ(reserve("a", kNow).value().answer->body, "one");
  EXPECT_EQ(reserve("b", kNow).error().code(), Code::kConflict);
  EXPECT_FALSE(reserve("b", kNow + kIdempotencyTime + std::chrono::hours(1)).value().answer);
}

TEST_F(Keys, ARequestThatGotNoAnswerGoesOnWithTheWorkItBegan) {
  const auto reserve = [&](const std::string& hash, const std::string& token) {
    return database_
        .write(
            [&](db::Connection& sql) { return reserve_key(sql, "key_1", "k", hash, token, kNow); })
        .value()
        .token;
  };
  EXPECT_EQ(reserve("a", "first"), "first");
  EXPECT_EQ(reserve("a", "second"), "first");
  EXPECT_EQ(reserve("corrected", "third"), "third");
  EXPECT_EQ(reserve("corrected", "fourth"), "third");
}

}  // namespace
}  // namespace holdfast::access

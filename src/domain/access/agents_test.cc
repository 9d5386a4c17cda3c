#include "domain/access/agents.h"

#include <gtest/gtest.h>

#include "core/db/testing/temp_database.h"
#include "core/env/sim/seeded_random.h"

namespace holdfast::access {
namespace {

const UtcTime kNow{std::chrono::seconds(1'000'000'000)};

class Agents : public testing::Test {
 protected:
  Agent make(const std::string& name, const std::string& id, SecretString& key) {
    Agent agent;
    agent.id = "agt_" + id;
    agent.name = name;
    agent.key_id = "key_" + id;
    agent.labels = {{"site", "north"}};
    agent.created_at = kNow;
    key = make_key_text(random_);
    const Status made =
        database_.write([&](db::Connection& sql) { return add_agent(sql, agent, key); });
    EXPECT_TRUE(made) << made.error().to_string();
    return agent;
  }
  template <class F>
  auto write(F fn) {
    return database_.write(std::move(fn));
  }

  db::TempDatabase database_{migrations()};
  env::SeededRandom random_{7};
  SecretString key_;
};

TEST_F(Agents, HaveAKeyThatOpensNothingButTheirTasks) {
  make("db1", "1", key_);
  const auto who =
      write([&](db::Connection& sql) { return authenticate(sql, key_.expose()); }).value();
  EXPECT_TRUE(who.scopes.allows(Scope::kAgent));
  for (const Scope other : {Scope::kRead, Scope::kOperate, Scope::kSecrets, Scope::kAdmin}) {
    EXPECT_FALSE(who.scopes.allows(other));
  }
  EXPECT_FALSE(Scopes{Scope::kAdmin}.allows(Scope::kAgent));
  const auto agent = write([&](db::Connection& sql) { return agent_of_key(sql, who.id); }).value();
  EXPECT_EQ(agent.queue(), "agent:db1");
  EXPECT_EQ(agent.labels.at("site"), "north");
  EXPECT_FALSE(agent.last_seen_at);
  EXPECT_EQ(
      write([](db::Connection& sql) { return agent_of_key(sql, "key_owner"); }).error().code(),
      Code::kPermissionDenied);
}

TEST_F(Agents, AreGoneWithTheirKeyAndFreeTheirName) {
  make("db1", "1", key_);
  ASSERT_TRUE(write([](db::Connection& sql) { return remove_agent(sql, "db1", kNow); }));
  EXPECT_EQ(
      write([&](db::Connection& sql) { return authenticate(sql, key_.expose()); }).error().code(),
      Code::kUnauthenticated);
  EXPECT_EQ(write([](db::Connection& sql) { return find_agent(sql, "db1"); }).error().code(),
            Code::kNotFound);
  make("db1", "2", key_);
  EXPECT_EQ(write([](db::Connection& sql) { return list_agents(sql); })->size(), 1u);
}

TEST_F(Agents, OfOneNameAreRefused) {
  Agent again = make("db1", "1", key_);
  again.id = "agt_2";
  again.key_id = "key_2";
  const Status second =
      write([&](db::Connection& sql) { return add_agent(sql, again, make_key_text(random_)); });
  EXPECT_EQ(second.error().code(), Code::kAlreadyExists);
}

TEST_F(Agents, AreRememberedAsTheyWereLastSeen) {
  make("db1", "1", key_);
  const AgentFacts facts{"0.2", "db1.example.com", "10.0.0.7", {"main"}};
  ASSERT_TRUE(
      write([&](db::Connection& sql) { return note_agent_seen(sql, "agt_1", facts, kNow); }));
  const auto agent = write([](db::Connection& sql) { return find_agent(sql, "agt_1"); }).value();
  EXPECT_EQ(agent.facts, facts);
  EXPECT_EQ(agent.last_seen_at, kNow);
}

TEST_F(Agents, TheServersSecretIsMadeOnce) {
  const auto secret = [this](const std::string& name) {
    return write([&](db::Connection& sql) { return server_secret(sql, name, random_); }).value();
  };
  const Buffer first = secret("a");
  EXPECT_EQ(first.size(), 32u);
  EXPECT_EQ(secret("a"), first);
  EXPECT_NE(secret("b"), first);
}

}  // namespace
}  // namespace holdfast::access

#include "daemon/config.h"

#include <gtest/gtest.h>

namespace holdfast::daemon {
namespace {

TEST(Config, NothingMeansTheEmbeddedEngine) {
  for (const char* text : {"", "flow:\n", "flow:\n  engine: embedded\n"}) {
    const auto config = parse_config(text, "f.yaml");
    ASSERT_TRUE(config) << config.error().to_string();
    EXPECT_EQ(config->engine, Config::Engine::kEmbedded);
  }
}

TEST(Config, TemporalIsReadWithEveryField) {
  const auto config = parse_config(R"(
flow:
  engine: temporal
  temporal:
    address: temporal.example.com:7233
    namespace: backups
    task_queue: hf
    tls: {ca: /ca, cert: /cert, key: /key, server_name: inner}
    api_key_file: /api
)",
                                   "f.yaml");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->engine, Config::Engine::kTemporal);
  EXPECT_EQ(config->temporal.address, "temporal.example.com:7233");
  EXPECT_EQ(config->temporal.name_space, "backups");
  EXPECT_EQ(config->temporal.task_queue, "hf");
  EXPECT_TRUE(config->temporal.tls.on);
  EXPECT_EQ(config->temporal.tls.ca_file, "/ca");
  EXPECT_EQ(config->temporal.tls.certificate_file, "/cert");
  EXPECT_EQ(config->temporal.tls.key_file, "/key");
  EXPECT_EQ(config->temporal.tls.server_name, "inner");
  EXPECT_EQ(config->temporal.api_key_file, "/api");
}

TEST(Config, AnEmptyTlsSectionSwitchesItOn) {
  EXPECT_TRUE(parse_config("flow: {temporal: {tls: }}", "f")->temporal.tls.on);
  EXPECT_TRUE(parse_config("flow: {temporal: {tls: true}}", "f")->temporal.tls.on);
  EXPECT_FALSE(parse_config("flow: {temporal: {tls: false}}", "f")->temporal.tls.on);
  EXPECT_FALSE(parse_config("flow: {temporal: {}}", "f")->temporal.tls.on);
}

TEST(Config, WhatIsWrongIsNamedWithLineAndField) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"flow:\n  engine: cadence\n",
       "f.yaml, line 2, flow.engine: must be embedded or temporal, not 'cadence'"},
      {"flow:\n  engine: temporal\n  temporal:\n    adress: x:1\n",
       "f.yaml, line 4, flow.temporal.adress: is not a known field"},
      {"flow:\n  temporal:\n    namespace: 5\n",
       "f.yaml, line 3, flow.temporal.namespace: must be a text, not an integer"},
      {"flow:\n  temporal:\n    address: here\n",
       "f.yaml, line 3, flow.temporal.address: must be HOST:PORT such as 127.0.0.1:7233"},
      {"flow:\n  temporal:\n    tls:\n      cert: /c\n",
       "f.yaml, line 4, flow.temporal.tls.cert: cert and key are given together"},
      {"flow:\n  temporal:\n    api_key_file: /k\n",
       "f.yaml, line 3, flow.temporal.api_key_file: an API key is sent over TLS only; add a tls "
       "section"},
      {"flow:\n  retention: soon\n",
       "f.yaml, line 2, flow.retention: 'soon' is no duration: use 90d, 12h, or '0' to keep closed "
       "runs for ever"},
      {"flow:\n  engine: temporal\n  retention: 3d\n",
       "f.yaml, line 3, flow.retention: is for the embedded engine; set the retention of the "
       "namespace on the Temporal server instead"},
      {"flow:\n  queues:\n    data: {places: 0}\n",
       "f.yaml, line 3, flow.queues.data.places: must be 1 to 256"},
      {"flow:\n  queues:\n    fast: {places: 1}\n",
       "f.yaml, line 3, flow.queues.fast: is not a known field"},
      {"state:\n  durability: half\n",
       "f.yaml, line 2, state.durability: must be full or normal, not 'half'"}};
  for (const auto& [text, sentence] : wrong) {
    const auto config = parse_config(text, "f.yaml");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().to_string(), sentence);
    EXPECT_EQ(config.error().code(), Code::kInvalidArgument);
  }
}

TEST(Config, TheEmbeddedEngineIsTuned) {
  const auto usual = load_config("");
  EXPECT_EQ(usual->embedded.retention, kUsualRetention);
  EXPECT_EQ(usual->durability, db::Durability::kFull);
  const auto config = parse_config(R"(
flow:
  retention: 12h
  queues:
    control: {places: 8}
    data: {places: 3, starts_per_second: 10}
state:
  durability: normal
)",
                                   "f.yaml");
  ASSERT_TRUE(config) << config.error().to_string();
  EXPECT_EQ(config->embedded.retention, std::chrono::hours(12));
  EXPECT_EQ(config->embedded.queues.at("control").places, 8);
  EXPECT_EQ(config->embedded.queues.at("data").places, 3);
  EXPECT_EQ(config->embedded.queues.at("data").starts_per_second, 10);
  EXPECT_EQ(config->temporal.queues.at("data"), 3);
  EXPECT_EQ(config->durability, db::Durability::kNormal);
  EXPECT_EQ(parse_config("flow: {retention: 0}", "f")->embedded.retention, Nanoseconds(0));
  EXPECT_EQ(parse_config("flow: {retention: '0'}", "f")->embedded.retention, Nanoseconds(0));
}

TEST(Config, PostgresIsReadInBothForms) {
  EXPECT_TRUE(parse_config("", "f")->postgres.empty());
  EXPECT_TRUE(parse_config("state:\n", "f")->postgres.empty());
  const auto text = parse_config("state: {postgres: 'postgresql://hf@db:5433/backups'}", "f");
  ASSERT_TRUE(text) << text.error().to_string();
  EXPECT_EQ(text->postgres.expose(), "postgresql://hf@db:5433/backups");
  const auto map =
      parse_config("state:\n  postgres:\n    dsn: host=db\n    password_file: /p\n", "f");
  ASSERT_TRUE(map) << map.error().to_string();
  EXPECT_EQ(map->postgres.expose(), "host=db");
  EXPECT_EQ(map->postgres_password_file, "/p");
}

TEST(Config, AWrongConnectionStringIsNamedWithoutItsPassword) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"state:\n  postgres: secret words\n", "f.yaml, line 2, state.postgres: "},
      {"state:\n  postgres: postgresql://hf:sec%rets@db/x\n", "f.yaml, line 2, state.postgres: "},
      {"state:\n  postgres:\n    dsn: password=secrets nonsense=1\n",
       "f.yaml, line 3, state.postgres.dsn: is no connection string for PostgreSQL"},
      {"state:\n  postgres:\n    password_file: /p\n", "f.yaml, line 3, state.postgres.dsn: "},
      {"state:\n  postgres: 5\n", "f.yaml, line 2, state.postgres: must be a text"},
      {"state:\n  sqlite: x\n", "f.yaml, line 2, state.sqlite: is not a known field"}};
  for (const auto& [text, beginning] : wrong) {
    const auto config = parse_config(text, "f.yaml");
    ASSERT_FALSE(config) << text;
    EXPECT_TRUE(config.error().to_string().starts_with(beginning)) << config.error().to_string();
    EXPECT_EQ(config.error().to_string().find("sec"), std::string::npos);
  }
}

TEST(Config, AFileThatIsMissingIsNamed) {
  const auto config = load_config("/nowhere/holdfast.yaml");
  ASSERT_FALSE(config);
  EXPECT_NE(config.error().to_string().find("/nowhere/holdfast.yaml"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::daemon

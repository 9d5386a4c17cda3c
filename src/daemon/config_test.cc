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
       "section"}};
  for (const auto& [text, sentence] : wrong) {
    const auto config = parse_config(text, "f.yaml");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().to_string(), sentence);
    EXPECT_EQ(config.error().code(), Code::kInvalidArgument);
  }
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

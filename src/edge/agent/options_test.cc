#include "edge/agent/options.h"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

std::string nothing(const char*) { return ""; }
std::string something(const char* name) {
  return std::string_view(name) == "HOLDFAST_SERVER" ? "https://env.example.com" : "";
}

TEST(AgentOptions, AreReadFromAFile) {
  const auto options = parse_options(R"(
server: https://backup.example.com:7420
token_file: /t
ca_file: /c
data: /d
places: 4
repositories:
  - {name: main, location: /srv/main, password_file: /k}
)",
                                     "agent.yaml");
  ASSERT_TRUE(options) << options.error().to_string();
  EXPECT_EQ(options->server, "https://backup.example.com:7420");
  EXPECT_EQ(options->token_file, "/t");
  EXPECT_EQ(options->ca_file, "/c");
  EXPECT_EQ(options->data_dir, "/d");
  EXPECT_EQ(options->places, 4);
  ASSERT_EQ(options->repositories.size(), 1u);
  EXPECT_EQ(options->repositories[0].location, "/srv/main");
}

TEST(AgentOptions, WhatIsWrongIsNamedWithLineAndField) {
  const std::vector<std::pair<std::string, std::string>> wrong = {
      {"servr: x\n", "agent.yaml, line 1, servr: is not a known field"},
      {"places: 0\n", "agent.yaml, line 1, places: must be from 1 to 64"},
      {"data: /d\nrepositories:\n  - name: a\n    location: /b\n",
       "agent.yaml, line 3, repositories.0.password_file: is required"},
  };
  for (const auto& [text, sentence] : wrong) {
    const auto options = parse_options(text, "agent.yaml");
    ASSERT_FALSE(options) << text;
    EXPECT_EQ(options.error().message(), sentence);
  }
}

TEST(AgentOptions, ARepositoryIsNamedWithItsPlaceAndItsKey) {
  const auto one = parse_repository("main=/srv/a,b,/etc/main.key");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->name, "main");
  EXPECT_EQ(one->location, "/srv/a,b");
  EXPECT_EQ(one->password_file, "/etc/main.key");
  for (const char* text : {"main", "main=/srv", "=/srv,/k", "main=,/k", "main=/srv,"}) {
    EXPECT_FALSE(parse_repository(text)) << text;
  }
}

TEST(AgentOptions, TheCommandLineWinsOverTheEnvironment) {
  Options given;
  given.server = "https://flag.example.com";
  given.token_file = "/t";
  given.data_dir = "/d";
  EXPECT_EQ(complete_options(given, something)->server, "https://flag.example.com");
  given.server.clear();
  EXPECT_EQ(complete_options(given, something)->server, "https://env.example.com");
  EXPECT_EQ(complete_options(given, something)->places, 2);
}

TEST(AgentOptions, WhatIsMissingIsSaid) {
  Options given;
  EXPECT_TRUE(complete_options(given, nothing).error().message().contains("HOLDFAST_SERVER"));
  given.server = "http://backup.example.com";
  EXPECT_TRUE(complete_options(given, nothing).error().message().contains("--token-file"));
  given.token_file = "/t";
  EXPECT_TRUE(complete_options(given, nothing).error().message().contains("--data"));
  given.data_dir = "/d";
  EXPECT_TRUE(complete_options(given, nothing).error().message().contains("use https://"));
}

}  // namespace
}  // namespace holdfast::agent

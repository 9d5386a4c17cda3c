#include "edge/cli/args.h"

#include <gtest/gtest.h>

#include <filesystem>

#include <set>

#include "edge/cli/completion.h"
#include "edge/cli/documents.h"
#include "edge/cli/watch.h"

namespace holdfast::cli {
namespace {

ParseOutcome parse(std::vector<const char*> words) {
  words.insert(words.begin(), "holdfast");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

TEST(Args, FindTheCommandItsOptionsAndPositionals) {
  const ParseOutcome outcome = parse(
      {"-o", "json", "restore", "pt_1", "--path", "a", "--path", "b", "--to", "/tmp/x", "--wait"});
  const auto* parsed = std::get_if<Parsed>(&outcome);
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(parsed->command->words, "restore");
  EXPECT_EQ(parsed->format, OutputFormat::kJson);
  EXPECT_EQ(parsed->arguments.get("POINT"), "pt_1");
  EXPECT_EQ(parsed->arguments.all("--path"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(parsed->arguments.has("--wait"));
  EXPECT_FALSE(parsed->arguments.has("--in-place"));
}

TEST(Args, WordsGoToTheirPlacesOneByOne) {
  const ParseOutcome outcome = parse({"schedule", "pause", "a", "daily", "--reason", "x"});
  const auto* parsed = std::get_if<Parsed>(&outcome);
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(parsed->arguments.get("RESOURCE"), "a");
  EXPECT_EQ(parsed->arguments.get("LABEL"), "daily");
}

TEST(Args, TheAgentHasItsOwnOptionsBesideItsVerbs) {
  const ParseOutcome outcome =
      parse({"agent", "run", "--server", "https://s", "--token-file", "/t", "--data", "/d",
             "--places", "3", "--repository", "a=/a,/ka", "--repository", "b=/b,/kb"});
  const auto* agent = std::get_if<AgentOptions>(&outcome);
  ASSERT_NE(agent, nullptr);
  EXPECT_EQ(agent->server, "https://s");
  EXPECT_EQ(agent->places, 3);
  EXPECT_EQ(agent->repositories, (std::vector<std::string>{"a=/a,/ka", "b=/b,/kb"}));
  const ParseOutcome added = parse({"agent", "add", "db1", "--label", "site=north"});
  ASSERT_NE(std::get_if<Parsed>(&added), nullptr);
  EXPECT_EQ(std::get<Parsed>(added).command->words, "agent add");
  EXPECT_TRUE(completion_script("bash")->contains("add list remove run show"));
}

TEST(Args, ShortNamesAreTheLongOnes) {
  for (const char* name : {"-f", "--file"}) {
    const ParseOutcome outcome = parse({"apply", name, "policy.yaml", "--dry-run"});
    const auto* parsed = std::get_if<Parsed>(&outcome);
    ASSERT_NE(parsed, nullptr);
    EXPECT_EQ(parsed->arguments.get("--file"), "policy.yaml");
    EXPECT_TRUE(parsed->arguments.has("--dry-run"));
  }
}

TEST(Args, TakeTheOutputOptionBehindTheCommandToo) {
  const ParseOutcome outcome = parse({"resource", "list", "-o", "yaml"});
  const auto* parsed = std::get_if<Parsed>(&outcome);
  ASSERT_NE(parsed, nullptr);
  EXPECT_EQ(parsed->command->words, "resource list");
  EXPECT_EQ(parsed->format, OutputFormat::kYaml);
}

TEST(Args, UsageErrorsAreOneSentenceAndEndWithTwo) {
  const std::vector<std::pair<std::vector<const char*>, std::string>> wrong = {
      {{"nonsense"}, "'holdfast' has no command 'nonsense'; see 'holdfast --help'"},
      {{"resource"},
       "'holdfast resource' needs one of add, list, show, remove; see "
       "'holdfast resource --help'"},
      {{"resource", "lost"},
       "'holdfast resource' has no command 'lost'; see "
       "'holdfast resource --help'"},
      {{"backup"}, "RESOURCE is required; see 'holdfast backup --help'"},
      {{"apply"}, "--file is required; see 'holdfast apply --help'"},
      {{"resource", "add", "docs"}, "--path is required; see 'holdfast resource add --help'"},
      {{"repository", "add", "r"}, "--location is required; see 'holdfast repository add --help'"},
      {{"key", "add", "k"}, "--scope is required; see 'holdfast key add --help'"},
      {{"restore", "pt_1", "--nope"},
       "'holdfast restore' takes no option '--nope'; see 'holdfast restore --help'"},
      {{"backup", "docs", "more"},
       "'holdfast backup' takes no more words: 'more'; see 'holdfast backup --help'"},
      {{"status", "now"},
       "'holdfast status' takes no more words: 'now'; see 'holdfast status --help'"},
      {{"backup", "docs", "--label"}, "'--label' needs a value; see 'holdfast backup --help'"},
      {{"-o", "xml", "status"},
       "--output: xml not in {table,json,yaml}; see "
       "'holdfast status --help'"},
      {{"serve", "--data", "/d", "--listen", "here"},
       "--listen 'here' is no ADDRESS:PORT such as 127.0.0.1:7420 or [::1]:7420; see 'holdfast "
       "serve --help'"}};
  for (const auto& [words, sentence] : wrong) {
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    const ParseOutcome outcome = parse(words);
    EXPECT_EQ(testing::internal::GetCapturedStderr(), "holdfast: " + sentence + "\n");
    EXPECT_EQ(testing::internal::GetCapturedStdout(), "");
    const int* code = std::get_if<int>(&outcome);
    ASSERT_NE(code, nullptr);
    EXPECT_EQ(*code, 2);
  }
}

TEST(Args, NothingAtAllShowsTheHelp) {
  testing::internal::CaptureStderr();
  const ParseOutcome outcome = parse({});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("Usage"), std::string::npos);
  ASSERT_NE(std::get_if<int>(&outcome), nullptr);
  EXPECT_EQ(std::get<int>(outcome), 2);
}

TEST(Args, ServeReadsAddressAndPort) {
  const ParseOutcome outcome =
      parse({"serve", "--data", "/var/lib/holdfast", "--listen", "127.0.0.1:0", "--reset-admin"});
  const auto* options = std::get_if<ServeOptions>(&outcome);
  ASSERT_NE(options, nullptr);
  EXPECT_EQ(options->data_dir, "/var/lib/holdfast");
  EXPECT_EQ(options->port, 0);
  EXPECT_TRUE(options->reset_admin);
}

TEST(Args, ADirectoryIsNamedFromHere) {
  const ParseOutcome outcome = parse({"serve", "--data", "here/../data"});
  const auto* options = std::get_if<ServeOptions>(&outcome);
  ASSERT_NE(options, nullptr);
  EXPECT_EQ(options->data_dir, (std::filesystem::current_path() / "data").string());
}

TEST(Args, ServeReadsAnIpv6AddressInBrackets) {
  const ParseOutcome outcome = parse({"serve", "--data", "/d", "--listen", "[::1]:7420"});
  const auto* options = std::get_if<ServeOptions>(&outcome);
  ASSERT_NE(options, nullptr);
  EXPECT_EQ(options->listen_address, "::1");
  EXPECT_EQ(options->port, 7420);
  for (const char* wrong : {"::1:7420", "[::1]", "[127.0.0.1]:1", ":7420", "[]:1", "[::1]:70000"}) {
    testing::internal::CaptureStderr();
    const ParseOutcome refused = parse({"serve", "--data", "/d", "--listen", wrong});
    EXPECT_NE(testing::internal::GetCapturedStderr().find(wrong), std::string::npos);
    EXPECT_NE(std::get_if<int>(&refused), nullptr) << wrong;
  }
}

TEST(Commands, AreListedOnceAndCompleted) {
  std::set<std::string_view> words;
  const std::string bash = completion_script("bash").value();
  const std::string fish = completion_script("fish").value();
  for (const Command& command : commands()) {
    EXPECT_TRUE(words.insert(command.words).second) << command.words;
    EXPECT_NE(bash.find("\"" + std::string(command.words) + "\")"), std::string::npos)
        << command.words;
    EXPECT_NE(fish.find(command.help), std::string::npos) << command.words;
  }
  EXPECT_FALSE(completion_script("tcsh"));
}

TEST(Documents, ProblemsComeBackAtTheirLines) {
  const YamlDocument document =
      parse_yaml("kind: policy\nname: p\nschedules:\n  - daily: {time: '25:00'}\n")->front();
  const Error error = Error(Code::kInvalidArgument, "the document has a problem")
                          .with("/document/schedules/0/daily", "no time")
                          .with("key", "fact");
  const Error placed = at_lines(error, "p.yaml", document, "/document");
  EXPECT_EQ(placed.context().at(0).first, "p.yaml:4:12");
  EXPECT_EQ(placed.context().at(0).second, "daily no time");
  EXPECT_EQ(placed.context().at(1).first, "key");
}

TEST(ExitCode, TellsHowARunEnded) {
  const auto code = [](std::string_view text) { return exit_code_of(parse_json(text).value()); };
  EXPECT_EQ(code(R"({"status":"completed"})"), 0);
  EXPECT_EQ(code(R"({"status":"completed","partial":true})"), 3);
  EXPECT_EQ(code(R"({"status":"waiting"})"), 7);
  EXPECT_EQ(code(R"({"status":"cancelled"})"), 130);
  EXPECT_EQ(code(R"({"status":"failed","error":{"code":"target_missed"}})"), 10);
  EXPECT_EQ(code(R"({"status":"failed","error":{"code":"not_found"}})"), 4);
}

}  // namespace
}  // namespace holdfast::cli

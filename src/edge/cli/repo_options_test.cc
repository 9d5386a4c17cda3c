#include "edge/cli/repo_options.h"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

const std::vector<RepoOption> kOptions{
    {"repo", 'r', true}, {"json", 0, false}, {"tag", 0, true}, {"keep-last", 'l', true}};

TEST(RepoOptions, AreReadInEveryForm) {
  const auto parsed = parse_repo_arguments(
      {"--repo=a", "backup", "-r", "b", "-l5", "--tag", "x", "--tag=y", "--json", "--", "--odd"},
      kOptions);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->verb, "backup");
  EXPECT_EQ(parsed->get("repo"), "b");
  EXPECT_EQ(parsed->number("keep-last", 0).value(), 5);
  EXPECT_EQ(parsed->all("tag"), (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(parsed->has("json"));
  EXPECT_EQ(parsed->words, std::vector<std::string>{"--odd"});
}

TEST(RepoOptions, RefuseWhatIsUnknownOrIncomplete) {
  EXPECT_FALSE(parse_repo_arguments({"ls", "--odd"}, kOptions));
  EXPECT_FALSE(parse_repo_arguments({"ls", "-x"}, kOptions));
  EXPECT_FALSE(parse_repo_arguments({"ls", "--repo"}, kOptions));
  EXPECT_FALSE(parse_repo_arguments({"ls", "-l", "many"}, kOptions)->number("keep-last", 0));
}

}  // namespace
}  // namespace holdfast::cli

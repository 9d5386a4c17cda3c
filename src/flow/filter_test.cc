#include "flow/filter.h"

#include <gtest/gtest.h>

namespace holdfast::flow {
namespace {

std::string again(std::string_view text) {
  const auto filter = parse_filter(text);
  return filter ? filter_text(*filter) : "error: " + filter.error().message();
}

TEST(Filter, ReadsEveryOperator) {
  EXPECT_EQ(again("WorkflowType='x'"), "WorkflowType = 'x'");
  EXPECT_EQ(again("WorkflowId != \"a'b\""), R"(WorkflowId != 'a\'b')");
  EXPECT_EQ(again("executions >= 3 and executions<9"), "`executions` >= 3 AND `executions` < 9");
  EXPECT_EQ(again("resource in ('a','b') OR `odd name` not in (1, -2)"),
            "`resource` IN ('a', 'b') OR `odd name` NOT IN (1, -2)");
  EXPECT_EQ(again("n BETWEEN 1 AND 5 AND locked = TRUE"),
            "`n` BETWEEN 1 AND 5 AND `locked` = true");
  EXPECT_EQ(again("WorkflowType STARTS_WITH 'sched'"), "WorkflowType STARTS_WITH 'sched'");
  EXPECT_EQ(again("resource is null or resource IS NOT NULL"),
            "`resource` IS NULL OR `resource` IS NOT NULL");
  EXPECT_EQ(again("n <> 4"), "`n` != 4");
  EXPECT_EQ(again("  "), "");
}

TEST(Filter, AndBindsTighterThanOr) {
  EXPECT_EQ(again("a = 1 OR b = 2 AND c = 3"), "`a` = 1 OR (`b` = 2 AND `c` = 3)");
  EXPECT_EQ(again("(a = 1 OR b = 2) AND c = 3"), "(`a` = 1 OR `b` = 2) AND `c` = 3");
}

TEST(Filter, ReadsStatusesAndTimes) {
  EXPECT_EQ(again("ExecutionStatus IN ('running', 'timed_out', 'ContinuedAsNew')"),
            "ExecutionStatus IN ('Running', 'TimedOut', 'ContinuedAsNew')");
  EXPECT_EQ(again("StartTime > '2026-11-24' AND CloseTime BETWEEN '2026-11-24T02:00:00+01:00' AND "
                  "'2026-11-25T00:00:00Z'"),
            "StartTime > '2026-11-24T00:00:00Z' AND CloseTime BETWEEN '2026-11-24T01:00:00Z' AND "
            "'2026-11-25T00:00:00Z'");
}

TEST(Filter, SaysWhereItIsWrong) {
  const std::vector<std::pair<std::string_view, std::string_view>> wrong = {
      {"WorkflowType = ", "at character 16: 'WorkflowType' takes text in quotes, not the end"},
      {"WorkflowType = x", "at character 16: 'WorkflowType' takes text in quotes, not 'x'"},
      {"ExecutionStatus = 'Runing'", "at character 19: ExecutionStatus takes 'Running'"},
      {"StartTime > 'yesterday'", "at character 13: 'StartTime' takes a time like"},
      {"resource > 'a'", "at character 12: 'resource' can be ordered by whole numbers only"},
      {"a = 1 b = 2", "at character 7: AND, OR or the end is expected, not 'b'"},
      {"(a = 1", "at character 7: ')' is expected, not the end"},
      {"a = 'x", "at character 5: the ' that begins here is not closed"},
      {"a LIKE 'x'", "at character 3: after 'a' one of"},
      {"= 1", "at character 1: a field is expected, not '='"},
      {"a = 99999999999999999999", "at character 5: 'a' takes text in quotes, a whole number"},
      {"a STARTS_WITH 5", "at character 15: STARTS_WITH takes text in quotes"},
      {"ExecutionStatus > 'Running'", "at character 17: 'ExecutionStatus' cannot be compared"},
      {"`` = 1", "at character 1: a field has a name"},
      {"a = 1 AND", "at character 10: a field is expected, not the end"},
  };
  for (const auto& [text, sentence] : wrong) {
    const auto filter = parse_filter(text);
    ASSERT_FALSE(filter) << text;
    EXPECT_EQ(filter.error().code(), Code::kInvalidArgument);
    EXPECT_NE(filter.error().message().find(sentence), std::string::npos)
        << text << " -> " << filter.error().message();
  }
}

TEST(Filter, RefusesWhatIsTooLargeOrTooDeep) {
  EXPECT_FALSE(parse_filter(std::string(kMaxFilterBytes + 1, ' ')));
  const std::string deep =
      std::string(kMaxFilterDepth, '(') + "a = 1" + std::string(kMaxFilterDepth, ')');
  EXPECT_TRUE(parse_filter(deep));
  EXPECT_FALSE(parse_filter("(" + deep + ")"));
}

}  // namespace
}  // namespace holdfast::flow

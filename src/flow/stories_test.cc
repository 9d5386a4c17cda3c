// Every story on the embedded engine, on each of its databases, with runs in memory and without.
// temporal/conformance_test.cc holds the same histories against a Temporal server's.
#include "flow/testing/scrub.h"

namespace holdfast::flow::stories {
namespace {

class StoryTest : public testing::TestWithParam<Story> {};

TEST_P(StoryTest, IsToldOnTheEmbeddedEngine) {
  const Story& story = GetParam();
  for (const EmbeddedColumn& column : kEmbeddedColumns) {
    std::vector<std::vector<std::string>> first;
    for (const std::size_t cache : {0, 1000}) {
      SCOPED_TRACE(std::string(column.name) + ", cache of " + std::to_string(cache));
      EmbeddedStage stage(column);
      stage.cache_size = cache;
      story.prepare(stage);
      stage.open();
      story.tell(stage);
      std::vector<std::vector<std::string>> told;
      for (const std::string& run : story.runs) {
        told.push_back(scrubbed(stage, story, run).lines);
        stage.check_replay(run);
      }
      if (first.empty()) {
        first = told;
      }
      EXPECT_EQ(told, first);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, StoryTest, testing::ValuesIn(all_stories()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holdfast::flow::stories

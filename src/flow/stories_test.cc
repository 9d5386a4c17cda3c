// Every story on the embedded engine, on each of its databases, with runs in memory and without.
// temporal/conformance_test.cc holds the same histories against a Temporal server's.
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/db/testing/test_store.h"
#include "flow/testing/scrub.h"

namespace holdfast::flow::stories {
namespace {

using Histories = std::vector<std::vector<std::string>>;

// Where HF_STORY_HISTORIES names a folder, the histories go there, for readers of other makers
// (tests/compat/sdk_test.py).
void keep(Stage& stage, const Story& story, const std::string& run) {
  if (const char* folder = std::getenv("HF_STORY_HISTORIES")) {
    const auto json = stage.wait(stage.client().history_json(stage.run(run)));
    ASSERT_TRUE(json) << json.error().to_string();
    std::ofstream(std::string(folder) + "/" + story.name + "-" + run + ".json") << to_text(*json);
  }
}

Histories histories(const EmbeddedColumn& column, std::size_t cache, const Story& story) {
  EmbeddedStage stage(column);
  stage.cache_size = cache;
  story.prepare(stage);
  stage.open();
  story.tell(stage);
  Histories told;
  for (const std::string& run : story.runs) {
    told.push_back(scrubbed(stage, story, run).lines);
    stage.check_replay(run);
    if (cache > 0) {
      keep(stage, story, run);
    }
  }
  return told;
}

class StoryTest : public testing::TestWithParam<Story> {};

TEST_P(StoryTest, IsToldOnTheEmbeddedEngine) {
  const Story& story = GetParam();
  for (const EmbeddedColumn& column : embedded_columns()) {
    if ((column.name == "PostgreSQL") != db::TestStore::on_postgres()) {
      continue;  // this program runs once for each database
    }
    SCOPED_TRACE(column.name);
    std::array<Histories, 2> told;
    {
      const std::jthread without_cache([&] { told[0] = histories(column, 0, story); });
      const std::jthread with_cache([&] { told[1] = histories(column, 1000, story); });
    }
    ASSERT_EQ(told[0].size(), told[1].size());
    for (std::size_t i = 0; i < told[0].size(); ++i) {
      EXPECT_EQ(compare(told[0][i], told[1][i]), "") << story.runs[i];
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, StoryTest, testing::ValuesIn(all_stories()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace holdfast::flow::stories

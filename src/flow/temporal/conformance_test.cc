// The same stories on the embedded engine and on a Temporal server: they end alike, and their
// histories tell the same (flow/testing/scrub.h says what is compared).
#include <set>
#include <thread>

#include "flow/temporal/testing/stage.h"
#include "flow/testing/scrub.h"

namespace holdfast::flow::temporal {
namespace {

using stories::Scrubbed;
using stories::Story;

// What was told so far in this process.
struct Told {
  std::set<std::string> stories;
  std::set<std::string_view> differences;
};
Told& told() {
  static Told instance;
  return instance;
}

std::vector<Scrubbed> histories(stories::Stage& stage, const Story& story) {
  story.prepare(stage);
  stage.open();
  story.tell(stage);
  std::vector<Scrubbed> all;
  for (const std::string& run : story.runs) {
    all.push_back(scrubbed(stage, story, run));
    stage.check_replay(run);
  }
  return all;
}

void tell_on_all_engines(const Story& story) {
  struct Teller {
    std::string name;
    std::unique_ptr<stories::Stage> stage;
    std::vector<Scrubbed> histories;
  };
  std::vector<Teller> tellers;
  for (const stories::EmbeddedColumn& column : stories::embedded_columns()) {
    tellers.push_back({"embedded on " + std::string(column.name),
                       std::make_unique<stories::EmbeddedStage>(column),
                       {}});
  }
  const std::size_t theirs = tellers.size();
  for (const std::size_t cache : {0, 1000}) {
    auto stage = std::make_unique<TemporalStage>();
    stage->cache_size = cache;
    tellers.push_back({"Temporal, cache of " + std::to_string(cache), std::move(stage), {}});
  }
  {
    std::vector<std::jthread> threads;
    for (Teller& teller : tellers) {
      threads.emplace_back(
          [&teller, &story] { teller.histories = histories(*teller.stage, story); });
    }
  }
  for (std::size_t i = 1; i < tellers.size(); ++i) {
    ASSERT_EQ(tellers[i].histories.size(), tellers[0].histories.size());
    for (std::size_t run = 0; run < story.runs.size(); ++run) {
      const Scrubbed& first = tellers[0].histories[run];
      const Scrubbed& other = tellers[i].histories[run];
      EXPECT_EQ(stories::compare(first.lines, other.lines), "")
          << story.runs[run] << " on " << tellers[i].name;
      for (const stories::Difference& known : stories::differences()) {
        const auto here = first.left_out.find(known.name);
        const auto there = other.left_out.find(known.name);
        const bool both = here != first.left_out.end() && there != other.left_out.end();
        if (both && here->second != there->second) {
          EXPECT_GE(i, theirs) << "the embedded engines differ among themselves: " << known.name;
          told().differences.insert(known.name);
        }
      }
    }
  }
  if (!testing::Test::HasFailure()) {
    told().stories.insert(story.name);
  }
}

// A quick part of the stories in each change's tests, all of them every night.
std::vector<Story> quick_stories() {
  static const std::set<std::string_view> kQuick = {"Sequence",
                                                    "Retried",
                                                    "CancelInWorkWait",
                                                    "CleanedUp",
                                                    "Parent",
                                                    "OvertakenEnd",
                                                    "ContinuedWithSignals",
                                                    "SignalBeforeTimer",
                                                    "UpdateAnswered",
                                                    "UpdateRefused",
                                                    "UpdateOfSameId",
                                                    "UpdateRacesTheEnd",
                                                    "UpdateWithSignal",
                                                    "SignalWithStart",
                                                    "Queries",
                                                    "MemoChanges",
                                                    "SameId",
                                                    "Markers",
                                                    "PatchMeetsOldRun",
                                                    "AgentCompletes",
                                                    "AgentCancelled",
                                                    "LeftOpen",
                                                    "ResetHearsAgain",
                                                    "Searched",
                                                    "FailingRun"};
  std::vector<Story> quick;
  for (const Story& story : stories::all_stories()) {
    if (kQuick.contains(story.name)) {
      quick.push_back(story);
    }
  }
  return quick;
}

class Conformance : public testing::TestWithParam<Story> {
 protected:
  void SetUp() override { HF_NEEDS_TEMPORAL(); }
};
class SlowConformance : public Conformance {};
class NightlyConformance : public Conformance {};

TEST_P(SlowConformance, TellsTheSameOnAllEngines) { tell_on_all_engines(GetParam()); }
TEST_P(NightlyConformance, TellsTheSameOnAllEngines) { tell_on_all_engines(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Slow, SlowConformance, testing::ValuesIn(quick_stories()),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Nightly, NightlyConformance, testing::ValuesIn(stories::all_stories()),
                         [](const auto& info) { return info.param.name; });

// After all tests: how many stories, and whether the list of differences is still true.
class Summary : public testing::Environment {
  void TearDown() override {
    const std::size_t all = stories::all_stories().size();
    const std::size_t count = told().stories.size();
    if (count == 0) {
      return;
    }
    std::printf("conformance: %zu of %zu stories told alike on %zu engines\n", count, all,
                stories::embedded_columns().size() + 1);
    for (const stories::Difference& known : stories::differences()) {
      const bool met = told().differences.contains(known.name);
      std::printf("conformance: %s%s: %s\n",
                  met ? "differs, as listed: " : "not met: ", std::string(known.name).c_str(),
                  std::string(known.reason).c_str());
      if (count == all && !met) {
        ADD_FAILURE() << "no story meets this difference any more; take it off the list: "
                      << known.name;
      }
    }
  }
};
const auto* const kSummary = testing::AddGlobalTestEnvironment(new Summary);

}  // namespace
}  // namespace holdfast::flow::temporal

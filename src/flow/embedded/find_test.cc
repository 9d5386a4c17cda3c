// Lists by filters against a plain evaluation of the same filter, and the deletion of old runs.
#include <fmt/core.h>

#include <random>

#include "flow/embedded/engine_fixture.h"
#include "flow/filter.h"

namespace holdfast::flow::embedded {
namespace {

using Op = Filter::Op;

class FindTest : public testing::Test, protected Bench {
 protected:
  FindTest() {
    workflows.add("ends", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      ctx.upsert_search_attributes(ctx.input().get_object());
      co_return Json();
    });
    workflows.add("waits", [](WorkflowContext& ctx) -> Task<Result<Json>> {
      ctx.upsert_search_attributes(ctx.input().get_object());
      HF_CO_TRY_VOID(status_of(co_await ctx.wait_signal("go")));
      co_return Json();
    });
  }

  std::vector<RunSummary> all_runs(ListQuery query) {
    std::vector<RunSummary> runs;
    do {
      const auto page = wait(engine->client().list(query));
      EXPECT_TRUE(page) << page.error().to_string();
      if (!page) {
        return runs;
      }
      runs.insert(runs.end(), page->runs.begin(), page->runs.end());
      query.page_key = page->next_page_key;
    } while (!query.page_key.empty());
    return runs;
  }

  std::vector<std::string> ids(const std::string& filter) {
    ListQuery query;
    query.filter = filter;
    query.limit = 7;
    std::vector<std::string> found;
    for (const RunSummary& run : all_runs(query)) {
      found.push_back(run.workflow_id.text());
    }
    const auto count = wait(engine->client().count(query));
    EXPECT_EQ(count.value_or(-1), static_cast<std::int64_t>(found.size())) << filter;
    std::ranges::sort(found);
    return found;
  }
};

std::vector<Json> values_of(const Json* attribute) {
  if (attribute == nullptr) {
    return {};
  }
  const JsonArray one = {*attribute};
  const JsonArray& all = attribute->is_array() ? attribute->get_array() : one;
  return {all.begin(), all.end()};
}

// What the language says, on one run.
class Judge {
 public:
  explicit Judge(const RunSummary& run) : run_(run) {}

  bool meets(const Filter& filter) const {
    const auto part_meets = [this](const Filter& part) { return meets(part); };
    switch (filter.kind) {
      case Filter::Kind::kAll:
        return std::ranges::all_of(filter.parts, part_meets);
      case Filter::Kind::kAny:
        return std::ranges::any_of(filter.parts, part_meets);
      case Filter::Kind::kTerm:
        break;
    }
    return filter.field == Filter::Field::kAttribute ? attribute_meets(filter)
                                                     : field_meets(filter);
  }

 private:
  template <class T>
  static bool compares(const Filter& term, const T& value) {
    const auto at = [&term](std::size_t i) { return std::get<T>(term.values.at(i)); };
    switch (term.op) {
      case Op::kEqual:
      case Op::kIn:
        return std::ranges::find(term.values, Filter::Value(value)) != term.values.end();
      case Op::kNotEqual:
      case Op::kNotIn:
        return std::ranges::find(term.values, Filter::Value(value)) == term.values.end();
      case Op::kGreater:
        return value > at(0);
      case Op::kGreaterEqual:
        return value >= at(0);
      case Op::kLess:
        return value < at(0);
      case Op::kLessEqual:
        return value <= at(0);
      case Op::kBetween:
        return at(0) <= value && value <= at(1);
      case Op::kStartsWith:
        if constexpr (std::is_same_v<T, std::string>) {
          return value.starts_with(at(0));
        }
        return false;
      default:
        return term.op == Op::kIsNotNull;
    }
  }

  bool field_meets(const Filter& term) const {
    switch (term.field) {
      case Filter::Field::kWorkflowId:
        return compares(term, run_.workflow_id.text());
      case Filter::Field::kRunId:
        return compares(term, run_.run_id.text());
      case Filter::Field::kType:
        return compares(term, run_.type);
      case Filter::Field::kStatus:
        return compares(term, run_.status);
      case Filter::Field::kStarted:
        return compares(term, run_.started);
      default:
        return run_.closed ? compares(term, *run_.closed) : term.op == Op::kIsNull;
    }
  }

  bool attribute_meets(const Filter& term) const {
    const auto values = values_of(run_.search_attributes.if_contains(term.attribute));
    if (term.op == Op::kIsNull || values.empty()) {
      return term.op == Op::kIsNull && values.empty();
    }
    Filter positive = term;
    const bool negated = term.op == Op::kNotEqual || term.op == Op::kNotIn;
    positive.op = negated ? Op::kIn : term.op;
    const bool one = std::ranges::any_of(values, [&positive](const Json& value) {
      if (positive.op == Op::kIsNotNull) {
        return true;
      }
      if (value.is_string()) {
        return !std::holds_alternative<std::string>(positive.values.at(0))
                   ? compares_text_list(positive, value)
                   : compares(positive, std::string(value.get_string()));
      }
      if (value.is_bool()) {
        return std::ranges::find(positive.values, Filter::Value(value.get_bool())) !=
               positive.values.end();
      }
      return std::holds_alternative<std::int64_t>(positive.values.at(0)) &&
             compares(positive, value.to_number<std::int64_t>());
    });
    return one != negated;
  }

  static bool compares_text_list(const Filter& term, const Json& value) {
    return std::ranges::find(term.values, Filter::Value(std::string(value.get_string()))) !=
           term.values.end();
  }

  const RunSummary& run_;
};

std::string random_filter(std::mt19937_64& draw, int depth) {
  const auto pick = [&draw](std::initializer_list<std::string> words) {
    return *(words.begin() + static_cast<long>(draw() % words.size()));
  };
  if (depth > 0 && draw() % 2 == 0) {
    return fmt::format("({}{}{})", random_filter(draw, depth - 1), pick({" AND ", " OR "}),
                       random_filter(draw, depth - 1));
  }
  const std::string text = pick({"'web'", "'db'", "'we'", "'it\\'s'", "''"});
  const std::string number = std::to_string(static_cast<int>(draw() % 7) - 2);
  switch (draw() % 8) {
    case 0:
      return pick({"resource", "tags", "missing"}) + pick({" = ", " != ", " STARTS_WITH "}) + text;
    case 1:
      return "n" + pick({" = ", " != ", " > ", " >= ", " < ", " <= "}) + number;
    case 2:
      return fmt::format("n BETWEEN {} AND 3", number);
    case 3:
      return pick({"resource", "tags"}) + pick({" IN ", " NOT IN "}) + "('db', " + text + ")";
    case 4:
      return pick({"resource", "n", "missing", "CloseTime"}) + pick({" IS NULL", " IS NOT NULL"});
    case 5:
      return "ExecutionStatus" + pick({" = 'Running'", " != 'Running'", " IN ('Completed')"});
    case 6:
      return fmt::format("StartTime {} '2026-01-01T00:0{}:00Z'", pick({">", "<=", "="}),
                         draw() % 5);
    default:
      return pick({"WorkflowType = 'waits'", "WorkflowId STARTS_WITH 'r1'", "locked = true"});
  }
}

TEST_F(FindTest, FiltersMeanWhatTheLanguageSays) {
  open();
  const std::vector<Json> inputs = {
      JsonObject{{"resource", "web"}, {"n", 1}},
      JsonObject{{"resource", "db"}, {"n", -2}, {"locked", true}},
      JsonObject{{"tags", JsonArray{"web", "db"}}},
      JsonObject{{"resource", "it's"}, {"n", 3}, {"tags", JsonArray{"x"}}},
      JsonObject{{"resource", "WEB"}, {"locked", false}},
      JsonObject{}};
  for (int i = 0; i < 24; ++i) {
    ASSERT_TRUE(start(i % 3 == 0 ? "waits" : "ends", fmt::format("r{}", i),
                      inputs[static_cast<std::size_t>(i) % inputs.size()]));
    advance(seconds(20));
  }
  const std::vector<RunSummary> runs = all_runs({});
  ASSERT_EQ(runs.size(), 24U);
  const char* given = std::getenv("HOLDFAST_SEED");
  const std::uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  SCOPED_TRACE("HOLDFAST_SEED=" + std::to_string(seed));
  std::mt19937_64 draw(seed);
  for (int round = 0; round < 300; ++round) {
    const std::string text = random_filter(draw, 3);
    const auto filter = parse_filter(text);
    ASSERT_TRUE(filter) << text << ": " << filter.error().message();
    std::vector<std::string> expected;
    for (const RunSummary& run : runs) {
      if (Judge(run).meets(*filter)) {
        expected.push_back(run.workflow_id.text());
      }
    }
    std::ranges::sort(expected);
    ASSERT_EQ(ids(text), expected) << text;
  }
}

TEST_F(FindTest, RefusesABadFilter) {
  open();
  ListQuery query;
  query.filter = "WorkflowType = ";
  EXPECT_EQ(wait(engine->client().list(query)).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(wait(engine->client().count(query)).error().code(), Code::kInvalidArgument);
}

TEST_F(FindTest, DeletesRunsThatClosedLongAgo) {
  workflows.add("parent", [](WorkflowContext& ctx) -> Task<Result<Json>> {
    const Child child = ctx.child("ends", JsonObject{});
    HF_CO_TRY_VOID(status_of(co_await child.result));
    HF_CO_TRY_VOID(status_of(co_await ctx.wait_signal("go")));
    co_return Json();
  });
  options.retention = hours(24);
  open();
  for (int i = 0; i < 250; ++i) {
    ASSERT_TRUE(start("ends", fmt::format("old{}", i), JsonObject{{"resource", "web"}}));
  }
  ASSERT_TRUE(start("parent", "parent"));
  ASSERT_TRUE(start("waits", "open", JsonObject{}));
  advance(hours(20));
  ASSERT_TRUE(start("ends", "young", JsonObject{{"resource", "db"}}));
  EXPECT_EQ(ids("").size(), 254U);
  // A hundred runs a commit; each commit of ours goes in behind one of them.
  for (int i = 0; i < 20 && wait(engine->client().count({})).value_or(0) > 3; ++i) {
    advance(hours(1));
    for (int commits = 0; commits < 10; ++commits) {
      ASSERT_TRUE(database->write_blocking([](db::Connection&) { return Result<int>(0); }));
    }
  }
  EXPECT_EQ(ids(""), (std::vector<std::string>{"open", "parent", "young"}));
  const auto left = database->read_blocking([](db::Connection& sql) -> Result<std::int64_t> {
    HF_TRY(const auto row, sql.one("SELECT (SELECT count(*) FROM flow_history WHERE run_id NOT IN "
                                   "(SELECT run_id FROM flow_runs)) + (SELECT count(*) FROM "
                                   "flow_attributes WHERE run_id NOT IN (SELECT run_id FROM "
                                   "flow_runs))"));
    return row->integer(0);
  });
  EXPECT_EQ(left.value_or(-1), 0);
  EXPECT_TRUE(signal("parent", "go"));
  EXPECT_TRUE(result("parent"));
}

}  // namespace
}  // namespace holdfast::flow::embedded

#include "core/base/json.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

Json json(std::string_view text) { return parse_json(text).value(); }

TEST(ParseJson, RefusesWhatIsNotOneValue) {
  EXPECT_FALSE(parse_json(""));
  EXPECT_FALSE(parse_json("{} {}"));
  EXPECT_FALSE(parse_json("{\"a\":"));
  EXPECT_TRUE(parse_json(" 12 \n"));
  EXPECT_EQ(parse_json("[1,]").error().code(), Code::kInvalidArgument);
}

TEST(ParseJson, BoundsDepthAndSize) {
  EXPECT_FALSE(parse_json(std::string(100, '[') + std::string(100, ']')));
  EXPECT_FALSE(parse_json("\"aaaaaaaaaa\"", 5));
}

TEST(ParseJson, RefusesNumbersThatCannotBeWrittenAgain) {
  EXPECT_FALSE(parse_json("1e999"));
  EXPECT_FALSE(parse_json(R"({"a":[0,-1e999]})"));
  EXPECT_TRUE(parse_json("[1e300,-1e300,1e-999]"));
}

TEST(PrettyText, ReadsBackAsTheSameValue) {
  const Json value = json(R"({"a":[1,{"b":"x\ny"}],"c":{},"d":[],"e":null,"f":-1.5})");
  EXPECT_EQ(json(to_pretty_text(value)), value);
}

TEST(LookUps, FallBackOnMissingOrOtherTypes) {
  const Json value = json(R"({"text":"t","number":7,"flag":true})");
  EXPECT_EQ(get_string(value, "text"), "t");
  EXPECT_EQ(get_string(value, "number", "none"), "none");
  EXPECT_EQ(get_int(value, "number"), 7);
  EXPECT_EQ(get_int(value, "text", -1), -1);
  EXPECT_TRUE(get_bool(value, "flag"));
  EXPECT_EQ(find(value, "absent"), nullptr);
  EXPECT_EQ(find(Json(1), "x"), nullptr);
}

TEST(ObjectReader, CollectsEveryProblemWithItsPointer) {
  const Json value = json(R"({"name":7,"flag":"yes","list":["a",2],"a/b":1})");
  std::vector<Problem> problems;
  ObjectReader reader(value, "/spec", problems);
  reader.string("name");
  reader.string("missing");
  reader.boolean_or("flag", false);
  EXPECT_EQ(reader.strings_or_empty("list"), std::vector<std::string>{"a"});
  reader.reject_unknown();
  ASSERT_EQ(problems.size(), 5u);
  EXPECT_EQ(problems[0].pointer, "/spec/name");
  EXPECT_EQ(problems[0].message, "must be a text, not an integer");
  EXPECT_EQ(problems[1].pointer, "/spec/missing");
  EXPECT_EQ(problems[3].pointer, "/spec/list/1");
  EXPECT_EQ(problems[4].pointer, "/spec/a~1b");
  EXPECT_EQ(to_error(problems).context().size(), 5u);
}

TEST(ObjectReader, SaysWhenThereIsNoObject) {
  std::vector<Problem> problems;
  ObjectReader reader(Json(3), "", problems);
  EXPECT_EQ(reader.string("name"), "");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].message, "must be an object, not an integer");
}

}  // namespace
}  // namespace holdfast

#include "core/base/yaml.h"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

TEST(ParseYaml, KeepsTypesAndPositions) {
  const auto documents =
      parse_yaml("name: x\nlist:\n  - 1\n  - true\n  - \"2\"\ntime: \"02:00\"\n");
  ASSERT_TRUE(documents) << documents.error().to_string();
  ASSERT_EQ(documents->size(), 1u);
  const YamlDocument& document = documents->front();
  EXPECT_EQ(to_text(document.value), R"({"name":"x","list":[1,true,"2"],"time":"02:00"})");
  EXPECT_EQ(document.position_of("/list/1").line, 4);
  EXPECT_EQ(document.position_of("/list/1").column, 5);
  EXPECT_EQ(document.position_of("/list/1/deeper").line, 4);
}

TEST(ParseYaml, ReadsSeveralDocuments) {
  const auto documents = parse_yaml("a: 1\n---\nb: 2\n");
  ASSERT_TRUE(documents);
  EXPECT_EQ(documents->size(), 2u);
}

TEST(ParseYaml, NamesLineAndColumnOfASyntaxError) {
  const auto documents = parse_yaml("a: 1\nb: [1, 2\nc: 3\n");
  ASSERT_FALSE(documents);
  EXPECT_NE(documents.error().message().find("line"), std::string::npos);
  EXPECT_NE(documents.error().message().find("column"), std::string::npos);
}

TEST(ParseYaml, RefusesDuplicateKeysAndHostileNesting) {
  EXPECT_FALSE(parse_yaml("a: 1\na: 2\n"));
  EXPECT_FALSE(parse_yaml(std::string(10'000, '[')));
  EXPECT_FALSE(parse_yaml(std::string(10'000, '-')).has_value() &&
               !parse_yaml(std::string(10'000, '-'))->front().value.is_string());
  EXPECT_FALSE(parse_yaml(std::string((1u << 20) + 1, 'a')));
}

TEST(ParseYaml, RefusesTextThatIsNotUtf8AndSaysWhere) {
  const auto value = parse_yaml("a: 1\nb: x\xff\n");
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message().find("line 2"), std::string::npos);
  EXPECT_FALSE(parse_yaml("\xff\xff\xff: 1\n"));
  EXPECT_TRUE(parse_yaml("b: \"\xc3\xa9\"\n"));
}

TEST(ParseYaml, EndsOnATextWithoutEnd) {
  const auto value = parse_yaml(", 2");
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message().find("documents"), std::string::npos);
}

TEST(ToYaml, ReadsBackAsTheSameValue) {
  const Json value = parse_json(R"({"a":"true","b":true,"c":[1,"x: y"],"d":null})").value();
  const auto back = parse_yaml(to_yaml(value));
  ASSERT_TRUE(back) << to_yaml(value);
  EXPECT_EQ(back->front().value, value) << to_yaml(value);
}

}  // namespace
}  // namespace holdfast

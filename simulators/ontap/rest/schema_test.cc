#include "simulators/ontap/rest/schema.h"

#include <gtest/gtest.h>

#include "simulators/ontap/rest/selection.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

const Schema& schema() {
  static const Schema one{{"uuid", kText, kIdentity},
                          {"name", kText, kIdentity | kCreate | kRequired},
                          {"size", kSize, kSet},
                          {"space.used", kSize},
                          {"space.snapshot.used", kSize},
                          {"nas.path", kText, kSet | kCostly},
                          {"clone.is_flexclone", kFlag, kCreate},
                          {"aggregates", kObjects, kCreate},
                          {"aggregates.name", kText, kCreate},
                          {"metric", kAny, kCostly}};
  return one;
}

JsonObject record() {
  return {{"uuid", "u1"},
          {"name", "v"},
          {"size", 5},
          {"space", {{"used", 1}, {"snapshot", {{"used", 2}}}}},
          {"nas", {{"path", "/v"}}},
          {"aggregates", JsonArray{JsonObject{{"name", "a"}}}},
          {"metric", {{"x", 1}}},
          {"_sim", {{"folder", "secret"}}}};
}

std::string shown(std::string_view fields, Selection::Base base) {
  const auto selection = Selection::parse(schema(), fields, base, false);
  EXPECT_TRUE(selection);
  return to_text(Json(selection->project(record())));
}

Fault refused(const JsonObject& body, FieldFlag verb) {
  const auto accepted = schema().accept(body, verb);
  EXPECT_FALSE(accepted) << to_text(Json(body));
  return accepted ? Fault(0, 0, "") : accepted.error();
}

TEST(Schema, RefusesWhatItDoesNotKnowAndWhatIsOfAnotherType) {
  EXPECT_EQ(refused({{"name", "v"}, {"sizee", 1}}, kCreate).code, 262179);
  EXPECT_EQ(refused({{"name", "v"}, {"size", "many"}}, kCreate).code, 262197);
  EXPECT_EQ(refused({{"name", 7}}, kCreate).code, 262197);
  EXPECT_EQ(refused({{"name", "v"}, {"aggregates", "a"}}, kCreate).code, 262197);
  EXPECT_EQ(refused({{"name", "v"}, {"clone", {{"is_flexclone", "perhaps"}}}}, kCreate).target,
            "clone.is_flexclone");
  EXPECT_EQ(refused({{"size", 1}}, kCreate).code, 262212);
  EXPECT_EQ(refused({{"name", "v"}, {"uuid", "x"}}, kCreate).code, 262196);
  EXPECT_EQ(refused({{"name", "v"}}, kModify).code, 262203);
}

TEST(Schema, BringsValuesIntoTheStoredForm) {
  const auto accepted = schema().accept(
      {{"name", "v"}, {"size", "1GB"}, {"clone", {{"is_flexclone", "true"}}}}, kCreate);
  ASSERT_TRUE(accepted);
  EXPECT_EQ(int_at(*accepted, "size"), 1 << 30);
  EXPECT_TRUE(flag_at(*accepted, "clone.is_flexclone"));
}

TEST(Schema, ReadsDottedKeysAndRefusesAFieldThatIsGivenTwice) {
  const auto expanded = expand_dotted({{"a.b", 1}, {"a", {{"c", 2}}}});
  ASSERT_TRUE(expanded);
  EXPECT_EQ(to_text(Json(*expanded)), R"({"a":{"b":1,"c":2}})");
  EXPECT_FALSE(expand_dotted({{"a.b", 1}, {"a", {{"b", 2}}}}));
}

TEST(Schema, PrintsDurationsAsIso8601) {
  EXPECT_EQ(to_iso_duration(252), "PT4M12S");
  EXPECT_EQ(to_iso_duration(86400), "P1D");
  EXPECT_EQ(to_iso_duration(90061), "P1DT1H1M1S");
  EXPECT_EQ(to_iso_duration(0), "PT0S");
  EXPECT_EQ(*parse_iso_duration("P1DT1H1M1S"), 90061);
  EXPECT_FALSE(parse_iso_duration("PT"));
  EXPECT_FALSE(parse_iso_duration("2 days"));
}

TEST(Selection, ShowsIdentitiesOrNormalFieldsOrAll) {
  EXPECT_EQ(shown("", Selection::Base::kIdentity), R"({"uuid":"u1","name":"v"})");
  EXPECT_EQ(shown("*", Selection::Base::kIdentity).find("path"), std::string::npos);
  EXPECT_NE(shown("**", Selection::Base::kIdentity).find("path"), std::string::npos);
  EXPECT_EQ(shown("**", Selection::Base::kIdentity).find("secret"), std::string::npos);
  EXPECT_NE(shown("", Selection::Base::kNormal).find("size"), std::string::npos);
}

TEST(Selection, ShowsNamedFieldsWithBracesAndNegation) {
  EXPECT_EQ(shown("nas.path", Selection::Base::kIdentity),
            R"({"uuid":"u1","name":"v","nas":{"path":"/v"}})");
  EXPECT_EQ(shown("space.{used},size", Selection::Base::kIdentity),
            R"({"uuid":"u1","name":"v","size":5,"space":{"used":1}})");
  EXPECT_EQ(shown("space,!space.snapshot", Selection::Base::kIdentity),
            R"({"uuid":"u1","name":"v","space":{"used":1}})");
  EXPECT_EQ(shown("name,", Selection::Base::kIdentity), R"({"uuid":"u1","name":"v"})");
  EXPECT_EQ(shown("size", Selection::Base::kNormal), R"({"uuid":"u1","name":"v","size":5})");
  EXPECT_EQ(
      Selection::parse(schema(), "space.{used", Selection::Base::kIdentity, false).error().code,
      262286);
  EXPECT_EQ(Selection::parse(schema(), "bogus", Selection::Base::kIdentity, false).error().code,
            262197);
  EXPECT_TRUE(Selection::parse(schema(), "bogus", Selection::Base::kIdentity, true));
}

}  // namespace
}  // namespace holdfast::ontap_sim

#include "edge/wire/routes.h"

#include <gtest/gtest.h>

#include <set>

namespace holdfast::wire {
namespace {

TEST(Routes, NameEveryOperationOnce) {
  std::set<std::string_view> operations;
  std::set<std::string> targets;
  for (const Route& route : routes()) {
    EXPECT_TRUE(operations.insert(route.operation).second) << route.operation;
    EXPECT_TRUE(targets.insert(std::string(route.method) + " " + std::string(route.path)).second);
  }
}

TEST(Routes, UseOnlyShapesThatExist) {
  for (const Route& route : routes()) {
    std::string_view response = route.response;
    if (response.starts_with("list:")) {
      response.remove_prefix(5);
    }
    EXPECT_TRUE(response.empty() || shape(response) != nullptr) << route.path;
    EXPECT_TRUE(route.request.empty() || shape(route.request) != nullptr) << route.path;
  }
}

TEST(OpenApi, HoldsEveryRouteWithItsParameters) {
  const Json document = openapi();
  const Json* paths = find(document, "paths");
  ASSERT_NE(paths, nullptr);
  size_t operations = 0;
  for (const auto& path : paths->get_object()) {
    operations += path.value().get_object().size();
  }
  EXPECT_EQ(operations, routes().size());
  const Json* cancel = paths->get_object().if_contains("/v1/runs/{id}/cancel");
  ASSERT_NE(cancel, nullptr);
  EXPECT_EQ(cancel->at("post").at("parameters").at(0).at("name"), "id");
}

TEST(DocumentSchemas, AreValidJsonForEachKind) {
  EXPECT_EQ(document_schemas().size(), 6u);
  EXPECT_TRUE(document_schemas().contains("policy"));
}

}  // namespace
}  // namespace holdfast::wire

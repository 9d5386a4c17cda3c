#include "edge/api/router.h"

#include <gtest/gtest.h>

#include "domain/access/scope.h"
#include "edge/api/handlers.h"
#include "edge/api/problem.h"

namespace holdfast::api {
namespace {

TEST(Router, TakesValuesFromThePath) {
  const Match match = match_route("GET", "/v1/runs/run_1/history");
  ASSERT_NE(match.route, nullptr);
  EXPECT_EQ(match.route->operation, "getRunHistory");
  EXPECT_EQ(match.path.at("id"), "run_1");
}

TEST(Router, PrefersLiteralSegments) {
  EXPECT_EQ(match_route("GET", "/v1/schedules/next").route->operation, "nextRuns");
  EXPECT_EQ(match_route("GET", "/v1/runs").route->operation, "listRuns");
}

TEST(Router, TellsWrongMethodsFromUnknownPaths) {
  const Match wrong = match_route("PUT", "/v1/resources");
  EXPECT_EQ(wrong.route, nullptr);
  EXPECT_EQ(wrong.allowed, "GET, POST");
  for (const char* path :
       {"/v1/nothing", "/v1/runs/", "/v1/runs//history", "", "/", "/v1/runs/a/b/c", "v1/runs"}) {
    const Match none = match_route("GET", path);
    EXPECT_EQ(none.route, nullptr) << path;
    EXPECT_TRUE(none.allowed.empty()) << path;
  }
}

TEST(Handlers, ServeEveryRouteOfTheTable) {
  for (const wire::Route& route : wire::routes()) {
    const bool special = route.operation == "getHealth" || route.operation == "getMetrics" ||
                         route.operation == "watchRun";
    EXPECT_EQ(find_handler(route.operation) == nullptr, special) << route.operation;
    EXPECT_TRUE(route.scope.empty() || access::scope_from_name(route.scope)) << route.path;
  }
}

TEST(Problem, CarriesStatusCodeAndPointers) {
  const Error error = Error(Code::kInvalidArgument, "the document has a problem")
                          .with("/document/rpo", "is no duration")
                          .with("policy", "gold");
  const net::HttpReply reply = problem_reply(error, "req_1");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.headers.at("content-type"), "application/problem+json");
  const Json body = parse_json(reply.body).value();
  EXPECT_EQ(get_string(body, "code"), "invalid_argument");
  EXPECT_EQ(get_string(body, "detail"), "the document has a problem (policy: gold)");
  EXPECT_EQ(body.at("problems").at(0).at("pointer"), "/document/rpo");
  EXPECT_EQ(body.at("request_id"), "req_1");
}

TEST(Problem, NeverAnswersAnErrorWithASuccess) {
  for (int i = 0; i < kCodeCount; ++i) {
    EXPECT_GE(problem_reply(Error(static_cast<Code>(i), "x"), "").status, 400);
  }
}

TEST(Page, HandsOutACursorOnlyWhenItIsFull) {
  JsonArray items{JsonObject{{"id", "a"}}, JsonObject{{"id", "b"}}};
  EXPECT_EQ(get_string(page(items, 2), "next_cursor"), "b");
  EXPECT_TRUE(page(items, 3).at("next_cursor").is_null());
  EXPECT_TRUE(page({}, 3).at("next_cursor").is_null());
}

}  // namespace
}  // namespace holdfast::api

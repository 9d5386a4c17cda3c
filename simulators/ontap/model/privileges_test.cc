#include "simulators/ontap/model/privileges.h"

#include <gtest/gtest.h>

namespace holdfast::ontap_sim {
namespace {

TEST(Privileges, AreOfThePathAndAllBelowItAndTheLongestDecides) {
  const Privileges backup = {{"/api/storage", "readonly"},
                             {"/api/storage/volumes", "read_create_modify"},
                             {"/api/storage/volumes/v1", "none"}};
  EXPECT_TRUE(allows(backup, "GET", "/api/storage/aggregates"));
  EXPECT_FALSE(allows(backup, "POST", "/api/storage/aggregates"));
  EXPECT_TRUE(allows(backup, "POST", "/api/storage/volumes"));
  EXPECT_TRUE(allows(backup, "PATCH", "/api/storage/volumes/v2/snapshots/s"));
  EXPECT_FALSE(allows(backup, "DELETE", "/api/storage/volumes/v2"));
  EXPECT_FALSE(allows(backup, "GET", "/api/storage/volumes/v1"));
  EXPECT_FALSE(allows(backup, "GET", "/api/storage-more"));
  EXPECT_FALSE(allows(backup, "GET", "/api/cluster"));
}

TEST(Privileges, AllowWhatTheirAccessSays) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"none", ""},
      {"readonly", "GET HEAD OPTIONS"},
      {"read_create", "GET HEAD OPTIONS POST"},
      {"read_modify", "GET HEAD OPTIONS PATCH"},
      {"read_create_modify", "GET HEAD OPTIONS POST PATCH"},
      {"all", "GET HEAD OPTIONS POST PATCH DELETE"}};
  for (const auto& [access, methods] : rows) {
    EXPECT_TRUE(is_access(access));
    for (const std::string_view method : {"GET", "HEAD", "OPTIONS", "POST", "PATCH", "DELETE"}) {
      EXPECT_EQ(allows({{"/api", std::string(access)}}, method, "/api/x"),
                methods.find(method) != std::string_view::npos)
          << access << " " << method;
    }
  }
  EXPECT_FALSE(is_access("write"));
}

}  // namespace
}  // namespace holdfast::ontap_sim

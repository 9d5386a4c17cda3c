#include "edge/cli/session.h"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

TEST(ServerAddress, IsTheDefaultOrWhatWasSaid) {
  EXPECT_EQ(server_address("").value(), "http://127.0.0.1:7420");
  EXPECT_EQ(server_address("localhost:80/").value(), "http://localhost");
  EXPECT_EQ(server_address("[::1]:7420").value(), "http://[::1]:7420");
  EXPECT_EQ(server_address("https://backup.example/holdfast//").value(),
            "https://backup.example/holdfast");
}

TEST(ServerAddress, RefusesPlainHttpToAnotherMachine) {
  for (const char* text : {"http://backup.example:7420", "backup.example:7420", "10.0.0.1",
                           "HTTP://127.0.0.1.example.org", "http://[2001:db8::1]:7420"}) {
    const auto address = server_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code(), Code::kInvalidArgument) << text;
    EXPECT_TRUE(address.error().message().ends_with("use https://")) << address.error().message();
  }
}

TEST(ServerAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"ftp://localhost", "http://", "localhost:port", "http://me@localhost"}) {
    const auto address = server_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code(), Code::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace holdfast::cli

#include "core/net/url.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

TEST(Url, TakesAnAddressApart) {
  const auto url = parse_url("https://Hooks.Example.org:8443/a%20b/c?x=1&y=%2F#part");
  ASSERT_TRUE(url) << url.error().to_string();
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "hooks.example.org");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/a%20b/c");
  EXPECT_EQ(url->query, "x=1&y=%2F");
  EXPECT_EQ(url->to_string(), "https://hooks.example.org:8443/a%20b/c?x=1&y=%2F");
}

TEST(Url, FillsInPortAndPath) {
  EXPECT_EQ(parse_url("http://h")->port, 80);
  EXPECT_EQ(parse_url("https://h")->port, 443);
  EXPECT_EQ(parse_url("http://h?q")->path, "/");
  EXPECT_EQ(parse_url("http://h?q")->query, "q");
  EXPECT_EQ(parse_url("http://h:80/")->to_string(), "http://h/");
}

TEST(Url, KeepsBracketsRoundIpv6) {
  const auto url = parse_url("http://[::1]:7420/v1");
  ASSERT_TRUE(url) << url.error().to_string();
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->authority(), "[::1]:7420");
  EXPECT_EQ(parse_url("http://[::1]/v1")->to_string(), "http://[::1]/v1");
}

TEST(Url, KnowsLoopback) {
  EXPECT_TRUE(parse_url("http://127.0.0.1:1")->is_loopback());
  EXPECT_TRUE(parse_url("http://[::1]:1")->is_loopback());
  EXPECT_TRUE(parse_url("http://localhost")->is_loopback());
  EXPECT_FALSE(parse_url("http://127.0.0.1.example.org")->is_loopback());
  EXPECT_FALSE(parse_url("http://10.0.0.1")->is_loopback());
}

TEST(Url, RefusesWhatIsNoAddress) {
  for (const char* text :
       {"", "h/path", "ftp://h/", "file:///etc/passwd", "http://", "http:///x", "http://h:0",
        "http://h:65536", "http://h:8x", "http://h:", "http://u:p@h/", "http://h /", "http://h/\n",
        "http://[::1", "http://[host]/", "http://[::1]x/", "http://h\\x", "http://ho%20st/"}) {
    const auto url = parse_url(text);
    EXPECT_FALSE(url) << text;
    if (!url) {
      EXPECT_EQ(url.error().code(), Code::kInvalidArgument);
    }
  }
}

TEST(Url, DoesNotRepeatAPasswordInTheError) {
  EXPECT_EQ(parse_url("http://u:hunter2@h/").error().to_string().find("hunter2"),
            std::string::npos);
}

TEST(UrlEncode, LeavesOnlyUnreservedBytes) {
  EXPECT_EQ(url_encode("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(url_encode("a b/c\xff"), "a%20b%2Fc%FF");
  EXPECT_EQ(url_encode("a b/c", /*keep_slash=*/true), "a%20b/c");
}

}  // namespace
}  // namespace holdfast::net

#include "core/net/sse.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

namespace holdfast::net {
namespace {

std::vector<SseEvent> read(std::string_view text) {
  SseParser parser;
  auto events = parser.feed(text);
  return events ? *events : std::vector<SseEvent>();
}

TEST(SseParser, ReadsEventsWithNameIdAndData) {
  const auto events = read("event: run\nid: 7\ndata: {\"a\":1}\n\nid:8\ndata:x\ndata: y\n\n");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0], (SseEvent{"run", "7", "{\"a\":1}"}));
  EXPECT_EQ(events[1], (SseEvent{"message", "8", "x\ny"}));
}

TEST(SseParser, AcceptsAllThreeLineEndsAndAByteOrderMark) {
  const auto events = read(
      "\xef\xbb\xbf"
      "data: a\r\n\r\ndata: b\r\rdata: c\n\n");
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[0].data, "a");
  EXPECT_EQ(events[1].data, "b");
  EXPECT_EQ(events[2].data, "c");
}

TEST(SseParser, DoesNotTakeTheTwoHalvesOfALineEndForTwo) {
  const auto events = read("event: run\r\ndata: a\r\ndata: b\r\n\r\n");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0], (SseEvent{"run", "", "a\nb"}));
}

TEST(SseParser, SkipsCommentsUnknownFieldsAndEventsWithoutData) {
  EXPECT_TRUE(read(": still here\n\nevent: run\n\nfoo: bar\n\n").empty());
}

TEST(SseParser, EmitsAnEventWhoseDataIsEmpty) {
  const auto events = read("event: end\ndata\n\n");
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0], (SseEvent{"end", "", ""}));
}

TEST(SseParser, KeepsTheLastIdForEventsThatNameNone) {
  const auto events = read("id: 1\ndata: a\n\ndata: b\n\n");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1].id, "1");
}

TEST(SseParser, DropsAnEventThatIsNotComplete) { EXPECT_TRUE(read("data: a\n").empty()); }

TEST(SseParser, RemembersTheRetryTime) {
  SseParser parser;
  ASSERT_TRUE(parser.feed("retry: 2500\n\nretry: soon\n\nretry: -1\n\n"));
  EXPECT_EQ(parser.retry(), std::chrono::milliseconds(2500));
}

TEST(SseParser, RefusesAnEventThatIsTooLong) {
  SseParser lines(16);
  EXPECT_EQ(lines.feed(std::string(40, 'x')).error().code(), Code::kResourceExhausted);
  EXPECT_FALSE(lines.feed("\n\n")) << "a parser that failed stays failed";
  SseParser events(16);
  EXPECT_FALSE(events.feed("data: 12345678\ndata: 12345678\ndata: 12345678\n\n"));
}

TEST(SseParser, DoesNotCareHowTheBytesAreCut) {
  const char* given = std::getenv("HOLDFAST_SEED");
  const unsigned long seed = given == nullptr ? 20261124 : std::strtoul(given, nullptr, 10);
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  static constexpr std::string_view kPieces[] = {"data", "event", "id",          ":",
                                                 " ",    "\n",    "\r",          "a",
                                                 "\n\n", "\r\n",  "data: x\n\n", "\xef\xbb\xbf"};
  for (int round = 0; round < 500; ++round) {
    std::string text;
    for (int i = 0; i < 40; ++i) {
      text += kPieces[random() % std::size(kPieces)];
    }
    SseParser parser;
    std::vector<SseEvent> cut;
    for (size_t at = 0; at < text.size();) {
      const size_t size = std::min<size_t>(1 + random() % 7, text.size() - at);
      auto some = parser.feed(std::string_view(text).substr(at, size));
      ASSERT_TRUE(some);
      cut.insert(cut.end(), some->begin(), some->end());
      at += size;
    }
    ASSERT_EQ(cut, read(text)) << "seed " << seed << ", text " << testing::PrintToString(text);
  }
}

}  // namespace
}  // namespace holdfast::net

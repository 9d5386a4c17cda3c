// Times, durations, sizes, byte texts and ids: the small values of base.
#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/base/ids.h"
#include "core/base/time.h"
#include "core/base/units.h"

namespace holdfast {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

UtcTime at(std::string_view text) { return parse_rfc3339(text).value(); }

TEST(Rfc3339, PrintsAndReadsNanoseconds) {
  for (const std::string text : {"1970-01-01T00:00:00Z", "2026-11-24T02:00:00.5Z",
                                 "2038-07-01T11:00:00.000000001Z", "1901-12-13T20:45:52Z"}) {
    EXPECT_EQ(to_rfc3339(at(text)), text);
  }
}

TEST(Rfc3339, AppliesOffsets) {
  EXPECT_EQ(at("2026-03-29T03:00:00+02:00"), at("2026-03-29T01:00:00Z"));
  EXPECT_EQ(at("2026-03-29T00:30:00-05:30"), at("2026-03-29T06:00:00Z"));
}

TEST(Rfc3339, WithoutAnOffsetIsUtcOnlyWhenAsked) {
  EXPECT_FALSE(parse_rfc3339("2026-03-29T03:00:00"));
  EXPECT_EQ(parse_rfc3339("2026-03-29T03:00:00.25", true).value(), at("2026-03-29T03:00:00.25Z"));
  EXPECT_EQ(parse_rfc3339("2026-03-29 03:00:00", true).value(), at("2026-03-29T03:00:00Z"));
}

TEST(Rfc3339, RefusesImpossibleDates) {
  for (const std::string_view text :
       {"2026-02-30T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01", "",
        "2026-01-01T00:00:00.Z", "26-01-01T00:00:00Z"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Duration, ReadsShortAndLongUnits) {
  EXPECT_EQ(parse_duration("90s").value(), seconds(90));
  EXPECT_EQ(parse_duration("15_minutes").value(), minutes(15));
  EXPECT_EQ(parse_duration("30_days").value(), hours(720));
  EXPECT_EQ(parse_duration("1 week").value(), hours(168));
  EXPECT_FALSE(parse_duration("5"));
  EXPECT_FALSE(parse_duration("-5m"));
  EXPECT_FALSE(parse_duration("99999999999999w"));
}

TEST(Duration, PrintsForPeople) {
  EXPECT_EQ(format_duration(std::chrono::milliseconds(120)), "120ms");
  EXPECT_EQ(format_duration(seconds(5)), "5.0s");
  EXPECT_EQ(format_duration(seconds(125)), "2m05s");
  EXPECT_EQ(format_duration(hours(25)), "25h00m");
}

TEST(Bytes, ReadsDecimalAndBinaryUnits) {
  EXPECT_EQ(parse_bytes("1GB").value(), 1'000'000'000u);
  EXPECT_EQ(parse_bytes("2 KiB").value(), 2048u);
  EXPECT_EQ(parse_bytes("17").value(), 17u);
  EXPECT_FALSE(parse_bytes("1XB"));
  EXPECT_FALSE(parse_bytes("99999999999TB"));
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
}

TEST(ByteTexts, RoundTripEveryLength) {
  Buffer bytes;
  for (int length = 0; length < 70; ++length) {
    EXPECT_EQ(from_hex(to_hex(bytes)).value(), bytes);
    EXPECT_EQ(from_base64(to_base64(bytes)).value(), bytes);
    bytes.push_back(static_cast<std::uint8_t>(length * 37 + 200));
  }
}

TEST(ByteTexts, RefuseOtherAlphabets) {
  EXPECT_FALSE(from_hex("0g"));
  EXPECT_FALSE(from_hex("abc"));
  EXPECT_FALSE(from_base64("a"));
  EXPECT_FALSE(from_base64("ab=c"));
  EXPECT_FALSE(from_base64("a-_="));
  EXPECT_EQ(to_base64url(as_bytes("\xff\xfe")), "__4");
}

TEST(UuidV7, CarriesTimeVersionAndVariant) {
  const std::string id = uuid_v7(at("2026-11-24T00:00:00Z"), {});
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '7');
  EXPECT_EQ(id[19], '8');
  EXPECT_LT(id, uuid_v7(at("2026-11-24T00:00:00.001Z"), {}));
}

}  // namespace
}  // namespace holdfast

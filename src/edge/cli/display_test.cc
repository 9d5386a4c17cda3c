#include "edge/cli/display.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "edge/cli/console.h"

namespace holdfast::cli {
namespace {

// What a console wrote to its two streams.
std::string written(OutputFormat format, const std::function<void(Console&)>& write) {
  char* text = nullptr;
  size_t size = 0;
  std::FILE* stream = ::open_memstream(&text, &size);
  {
    Console console(stream, stream, format);
    write(console);
  }
  std::fclose(stream);
  std::string out(text, size);
  std::free(text);
  return out;
}

TEST(Printable, EscapesWhatATerminalObeys) {
  EXPECT_EQ(printable("plain äö 日本 \\"), "plain äö 日本 \\");
  EXPECT_EQ(printable("a\x1b[2Jb\nc\rd\te\x7f"), "a\\x1b[2Jb\\nc\\rd\\te\\x7f");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\\u009b31m");
  EXPECT_EQ(printable("\u202Etxt.exe\u2069"), "\\u202etxt.exe\\u2069");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, EscapesBytesThatAreNoUtf8) {
  EXPECT_EQ(printable("\x9B"
                      "2J"),
            "\\x9b2J");
  EXPECT_EQ(printable("\xC0\x80 \xED\xA0\x80 \xE2\x80"), "\\xc0\\x80 \\xed\\xa0\\x80 \\xe2\\x80");
}

TEST(Printable, KeepsLinesWhereThereAreSome) {
  EXPECT_EQ(printable_lines("a\n\tb\x1b\r\n"), "a\n\tb\\x1b\\r\n");
}

TEST(DisplayWidth, KnowsWideCharactersAndCombiningMarks) {
  EXPECT_EQ(display_width("plain"), 5u);
  EXPECT_EQ(display_width("äöü"), 3u);
  EXPECT_EQ(display_width("a\u0308o\u0308"), 2u);
  EXPECT_EQ(display_width("日本語"), 6u);
  EXPECT_EQ(display_width("한글"), 4u);
  EXPECT_EQ(display_width("\U0001F600"), 2u);
  EXPECT_EQ(display_width("a\u200Bb"), 2u);
}

TEST(Cut, NeverGoesBeyondTheWidth) {
  EXPECT_EQ(cut("日本語", 6), "日本語");
  EXPECT_EQ(cut("日本語", 5), "日本…");
  EXPECT_EQ(cut("日本語", 4), "日…");
  EXPECT_EQ(cut("a\u0308o\u0308u", 2), "a\u0308…");
  EXPECT_EQ(cut("anything", 0), "anything");
}

TEST(Console, ShowsNoControlCharactersOfOthers) {
  const std::string evil = "a\x1b]0;title\x07\nb";
  const Json row = JsonObject{{"name", evil}, {"list", JsonArray{Json(evil)}}, {evil, "x"}};
  const std::string out = written(OutputFormat::kTable, [&](Console& console) {
    console.list({{"NAME", "name"}, {"LIST", "list"}}, JsonArray{row});
    console.object(row);
    console.line("resource '" + evil + "'");
    console.note("  " + evil);
    console.progress("running (" + evil + ")", MonoTime{});
    console.error(Error(Code::kNotFound, "no " + evil).with("path", evil).with("/a/" + evil, evil));
  });
  EXPECT_EQ(out.find_first_of("\x1b\x07"), std::string::npos) << out;
  EXPECT_EQ(out.find("\nb"), std::string::npos) << out;
}

TEST(Console, PrintsJsonAsItIs) {
  const Json row = JsonObject{{"name", "a\x1b\u202E"}};
  const std::string out =
      written(OutputFormat::kJson, [&](Console& console) { console.object(row); });
  EXPECT_EQ(parse_json(out).value(), row);
  EXPECT_NE(out.find("\u202E"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::cli

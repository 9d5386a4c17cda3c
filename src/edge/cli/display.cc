#include "edge/cli/display.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace holdfast::cli {
namespace {

struct CodePoint {
  char32_t value = 0;
  size_t bytes = 1;
  bool valid = false;  // false: `value` is one byte that begins no UTF-8
};

// The code point at the begin of `text`, which is not empty.
CodePoint first_code_point(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) {
    return {lead, 1, true};
  }
  const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
    return {lead, 1, false};
  }
  char32_t value = lead & (0xFFu >> (length + 1));
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) {
      return {lead, 1, false};
    }
    value = value << 6 | (byte(i) & 0x3F);
  }
  const bool overlong = (length == 3 && value < 0x800) || (length == 4 && value < 0x10000);
  if (overlong || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
    return {lead, 1, false};
  }
  return {value, length, true};
}

bool is_obeyed(char32_t value) {
  return value < 0x20 || (value >= 0x7F && value <= 0x9F) || (value >= 0x202A && value <= 0x202E) ||
         (value >= 0x2066 && value <= 0x2069);
}

struct Range {
  char32_t first;
  char32_t last;
};

constexpr std::array kNoColumn{
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489}, Range{0x0591, 0x05BD}, Range{0x0610, 0x061A},
    Range{0x064B, 0x065F}, Range{0x093C, 0x093C}, Range{0x0941, 0x0948}, Range{0x0E31, 0x0E31},
    Range{0x0E34, 0x0E3A}, Range{0x0E47, 0x0E4E}, Range{0x1AB0, 0x1AFF}, Range{0x1DC0, 0x1DFF},
    Range{0x200B, 0x200F}, Range{0x2060, 0x2064}, Range{0x20D0, 0x20FF}, Range{0x3099, 0x309A},
    Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}, Range{0xFEFF, 0xFEFF}, Range{0xE0100, 0xE01EF}};
constexpr std::array kTwoColumns{
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},
    Range{0xA960, 0xA97F},   Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},
    Range{0xFE30, 0xFE6F},   Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},
    Range{0x1F300, 0x1F64F}, Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF},
    Range{0x20000, 0x3FFFD}};

size_t columns_of(char32_t value) {
  const auto holds = [value](const Range& range) {
    return value >= range.first && value <= range.last;
  };
  if (std::any_of(kNoColumn.begin(), kNoColumn.end(), holds)) {
    return 0;
  }
  return std::any_of(kTwoColumns.begin(), kTwoColumns.end(), holds) ? 2 : 1;
}

std::string escaped(const CodePoint& point) {
  switch (point.value) {
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      return fmt::format(
          fmt::runtime(!point.valid || point.value < 0x80 ? "\\x{:02x}" : "\\u{:04x}"),
          static_cast<std::uint32_t>(point.value));
  }
}

std::string escape(std::string_view text, std::string_view kept) {
  std::string out;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const bool stays = point.valid && (!is_obeyed(point.value) || kept.contains(text.front()));
    out += stays ? std::string(text.substr(0, point.bytes)) : escaped(point);
    text.remove_prefix(point.bytes);
  }
  return out;
}

}  // namespace

std::string printable(std::string_view text) { return escape(text, ""); }

std::string printable_lines(std::string_view text) { return escape(text, "\n\t"); }

size_t display_width(std::string_view text) {
  size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    width += columns_of(point.value);
    text.remove_prefix(point.bytes);
  }
  return width;
}

std::string cut(std::string text, size_t width) {
  if (width == 0 || display_width(text) <= width) {
    return text;
  }
  size_t end = 0;
  for (size_t shown = 0; end < text.size();) {
    const CodePoint point = first_code_point(std::string_view(text).substr(end));
    shown += columns_of(point.value);
    if (shown >= width) {  // the last column is the mark's
      break;
    }
    end += point.bytes;
  }
  return text.substr(0, end) + "…";
}

}  // namespace holdfast::cli

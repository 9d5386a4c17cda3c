#include "edge/cli/display.h"

#include <fmt/core.h>

#include <algorithm>

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

}  // namespace holdfast::cli

// One strict UTF-8 decoder (no surrogates, no overlong forms) serves both kinds of text. A byte
// that does not start a valid sequence counts alone, as in Go.
#include "engine/repo/go_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace holdfast::repo {
namespace {

struct Rune {
  std::uint32_t value = 0;
  std::size_t length = 1;
  bool valid = false;
};

Rune decode_rune(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) {
    return {first, 1, true};
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length == 0 || first > 0xf4 || text.size() < length) {
    return {first, 1, false};
  }
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return {first, 1, false};
    }
    value = value << 6 | (byte(i) & 0x3fU);
  }
  static constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < kSmallest[length] || value > 0x10ffff || surrogate) {
    return {first, 1, false};
  }
  return {value, length, true};
}

void append_utf8(std::string& out, std::uint32_t value) {
  if (value < 0x80) {
    out += static_cast<char>(value);
  } else if (value < 0x800) {
    out += static_cast<char>(0xc0 | value >> 6);
    out += static_cast<char>(0x80 | (value & 0x3f));
  } else if (value < 0x10000) {
    out += static_cast<char>(0xe0 | value >> 12);
    out += static_cast<char>(0x80 | (value >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (value & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | value >> 18);
    out += static_cast<char>(0x80 | (value >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (value >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (value & 0x3f));
  }
}

constexpr std::pair<std::uint32_t, std::uint32_t> kPrintable[] = {
#include "engine/repo/printable_table.inc"
};

bool is_printable(std::uint32_t value) {
  const auto* const after = std::upper_bound(
      std::begin(kPrintable), std::end(kPrintable), value,
      [](std::uint32_t wanted, const auto& range) { return wanted < range.first; });
  return after != std::begin(kPrintable) && value <= std::prev(after)->second;
}

// The letter of a one-letter escape, 0 if the character has none.
char short_escape(std::uint32_t value) {
  switch (value) {
    case '\a':
      return 'a';
    case '\b':
      return 'b';
    case '\f':
      return 'f';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\t':
      return 't';
    case '\v':
      return 'v';
    case '\\':
    case '"':
      return static_cast<char>(value);
    default:
      return 0;
  }
}

void quote_rune(std::string& out, const Rune& rune) {
  if (!rune.valid) {
    out += fmt::format("\\x{:02x}", rune.value);
  } else if (const char letter = short_escape(rune.value)) {
    out += '\\';
    out += letter;
  } else if (is_printable(rune.value)) {
    append_utf8(out, rune.value);
  } else if (rune.value < 0x20 || rune.value == 0x7f) {
    out += fmt::format("\\x{:02x}", rune.value);
  } else if (rune.value < 0x10000) {
    out += fmt::format("\\u{:04x}", rune.value);
  } else {
    out += fmt::format("\\U{:08x}", rune.value);
  }
}

bool plain_in_quotes(char c) { return c >= 0x20 && c < 0x7f && c != '\\' && c != '"'; }
bool plain_in_json(char c) { return plain_in_quotes(c) && c != '<' && c != '>' && c != '&'; }

Error bad_quote() { return Error(Code::kDataLoss, "a name in a tree is quoted wrongly"); }

// Reads `count` digits of `base` from the front of `text`.
Result<std::uint32_t> take_number(std::string_view& text, std::size_t count, int base) {
  std::uint32_t value = 0;
  if (text.size() < count) {
    return bad_quote();
  }
  for (std::size_t i = 0; i < count; ++i) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : 99;
    if (digit >= base) {
      return bad_quote();
    }
    value = value * static_cast<std::uint32_t>(base) + static_cast<std::uint32_t>(digit);
  }
  text.remove_prefix(count);
  return value;
}

// Reads one escape, after its backslash, from the front of `text`.
Status take_escape(std::string_view& text, std::string& out) {
  if (text.empty()) {
    return bad_quote();
  }
  static constexpr std::string_view kLetters = "abfnrtv\\\"'";
  static constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\\"'";
  const char letter = text.front();
  if (const auto at = kLetters.find(letter); at != std::string_view::npos) {
    out += kMeanings[at];
    text.remove_prefix(1);
    return {};
  }
  if (letter >= '0' && letter <= '7') {
    HF_TRY(const std::uint32_t value, take_number(text, 3, 8));
    if (value > 255) {
      return bad_quote();
    }
    out += static_cast<char>(value);
    return {};
  }
  text.remove_prefix(1);
  if (letter == 'x') {
    HF_TRY(const std::uint32_t value, take_number(text, 2, 16));
    out += static_cast<char>(value);
    return {};
  }
  if (letter != 'u' && letter != 'U') {
    return bad_quote();
  }
  HF_TRY(const std::uint32_t value, take_number(text, letter == 'u' ? 4 : 8, 16));
  if (value > 0x10ffff) {
    return bad_quote();
  }
  append_utf8(out, value);
  return {};
}

void escape_rune(std::string& out, const Rune& rune) {
  if (!rune.valid) {
    out += "\\ufffd";
    return;
  }
  switch (rune.value) {
    case '"':
    case '\\':
      out += '\\';
      out += static_cast<char>(rune.value);
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  const bool html = rune.value == '<' || rune.value == '>' || rune.value == '&';
  if (rune.value < 0x20 || html || rune.value == 0x2028 || rune.value == 0x2029) {
    out += fmt::format("\\u{:04x}", rune.value);
  } else {
    append_utf8(out, rune.value);
  }
}

}  // namespace

std::string go_quote(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    if (plain_in_quotes(bytes.front())) {
      out += bytes.front();
      bytes.remove_prefix(1);
      continue;
    }
    const Rune rune = decode_rune(bytes);
    quote_rune(out, rune);
    bytes.remove_prefix(rune.length);
  }
  return out;
}

Result<std::string> go_unquote(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '"' || c == '\n') {
      return bad_quote();
    }
    if (c != '\\') {
      out += c;
      continue;
    }
    HF_TRY_VOID(take_escape(text, out));
  }
  return out;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    if (plain_in_json(text.front())) {
      out += text.front();
      text.remove_prefix(1);
      continue;
    }
    const Rune rune = decode_rune(text);
    escape_rune(out, rune);
    text.remove_prefix(rune.length);
  }
  out += '"';
}

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const Rune rune = decode_rune(text);
    if (!rune.valid) {
      return false;
    }
    text.remove_prefix(rune.length);
  }
  return true;
}

}  // namespace holdfast::repo

#include "core/base/bytes.h"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string encode_base64(ByteSpan bytes, std::string_view alphabet, bool padded) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? bytes[i + k] : 0U);
    }
    for (size_t k = 0; k <= count; ++k) {
      text += alphabet[group >> (18 - 6 * k) & 63U];
    }
    if (padded) {
      text.append(3 - count, '=');
    }
  }
  return text;
}

Error bad(std::string_view what) {
  return Error(Code::kInvalidArgument, "not valid " + std::string(what));
}

}  // namespace

std::string to_hex(ByteSpan bytes) {
  std::string text(bytes.size() * 2, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) {
    text[2 * i] = kHexDigits[bytes[i] >> 4];
    text[2 * i + 1] = kHexDigits[bytes[i] & 15];
  }
  return text;
}

Result<Buffer> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return bad("hexadecimal text: odd number of digits");
  }
  Buffer bytes(text.size() / 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) {
      return bad("hexadecimal text");
    }
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return bytes;
}

std::string to_base64(ByteSpan bytes) { return encode_base64(bytes, kBase64, true); }
std::string to_base64url(ByteSpan bytes) { return encode_base64(bytes, kBase64Url, false); }

Result<Buffer> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return bad("base64: length is no multiple of 4");
  }
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  Buffer bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    std::uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const size_t value = k < digits ? kBase64.find(text[i + k]) : 0;
      if (value == std::string_view::npos) {
        return bad("base64");
      }
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    for (size_t k = 0; k + 1 < digits; ++k) {
      bytes.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * k)));
    }
  }
  return bytes;
}

}  // namespace holdfast

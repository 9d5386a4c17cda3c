#include "flow/filter_tokens.h"

#include <fmt/core.h>

namespace holdfast::flow::detail {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool in_word(char c) { return begins_word(c) || is_digit(c) || c == '-' || c == '.'; }

}  // namespace

Error filter_error(std::size_t at, const std::string& what) {
  return {Code::kInvalidArgument,
          fmt::format("the filter is wrong at character {}: {}", at + 1, what)};
}

Result<FilterToken> FilterTokens::quoted(char quote) {
  FilterToken token;
  token.kind = quote == '`' ? FilterToken::Kind::kQuotedName : FilterToken::Kind::kText;
  token.at = at_++;
  while (at_ < text_.size() && text_[at_] != quote) {
    if (quote != '`' && text_[at_] == '\\' && at_ + 1 < text_.size()) {
      ++at_;
    }
    token.text += text_[at_++];
  }
  if (at_ == text_.size()) {
    return filter_error(token.at, fmt::format("the {} that begins here is not closed", quote));
  }
  ++at_;
  return token;
}

FilterToken FilterTokens::sign() {
  FilterToken token;
  token.kind = FilterToken::Kind::kSign;
  token.at = at_;
  const std::string_view two = text_.substr(at_, 2);
  const bool pair = two == "!=" || two == ">=" || two == "<=" || two == "<>";
  token.text = std::string(text_.substr(at_, pair ? 2 : 1));
  at_ += token.text.size();
  if (token.text == "<>") {
    token.text = "!=";
  }
  return token;
}

Result<FilterToken> FilterTokens::next() {
  while (at_ < text_.size() && is_space(text_[at_])) {
    ++at_;
  }
  FilterToken token;
  token.at = at_;
  if (at_ == text_.size()) {
    return token;
  }
  const char c = text_[at_];
  if (c == '\'' || c == '"' || c == '`') {
    return quoted(c);
  }
  const bool negative = c == '-' && at_ + 1 < text_.size() && is_digit(text_[at_ + 1]);
  if (!begins_word(c) && !is_digit(c) && !negative) {
    return sign();
  }
  token.kind = begins_word(c) ? FilterToken::Kind::kWord : FilterToken::Kind::kNumber;
  do {
    token.text += text_[at_++];
  } while (at_ < text_.size() && in_word(text_[at_]));
  return token;
}

}  // namespace holdfast::flow::detail

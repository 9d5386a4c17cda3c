// Words, quoted text, numbers and signs of the filter language.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast::flow::detail {

struct FilterToken {
  enum class Kind { kEnd, kWord, kQuotedName, kText, kNumber, kSign };
  Kind kind = Kind::kEnd;
  std::string text;    // without quotes
  std::size_t at = 0;  // its first byte, from 0
};

// Walks a filter's text once.
class FilterTokens {
 public:
  explicit FilterTokens(std::string_view text) : text_(text) {}
  Result<FilterToken> next();

 private:
  Result<FilterToken> quoted(char quote);
  FilterToken sign();

  std::string_view text_;
  std::size_t at_ = 0;
};

// "the filter is wrong at character 18: ..."; characters count from 1.
Error filter_error(std::size_t at, const std::string& what);

}  // namespace holdfast::flow::detail

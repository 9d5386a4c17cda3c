// Words and options of `holdfast repo`: a small table, spelled as restic spells them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace holdfast::cli {

struct RepoOption {
  std::string_view name;  // without dashes
  char letter = 0;        // 0: none
  bool takes_value = false;
};

struct RepoArguments {
  std::string verb;
  std::vector<std::string> words;  // what is no option
  std::map<std::string, std::vector<std::string>, std::less<>> values;

  bool has(std::string_view option) const { return values.contains(option); }
  std::string get(std::string_view option, std::string fallback = {}) const;
  std::vector<std::string> all(std::string_view option) const;
  // kInvalidArgument when it is given and is no number.
  Result<int> number(std::string_view option, int fallback) const;
};

// Splits `--name=value`, `--name value`, `-n value`, `-nvalue`, `--`; an option that no table has
// is kInvalidArgument.
Result<RepoArguments> parse_repo_arguments(const std::vector<std::string>& args,
                                           const std::vector<RepoOption>& options);

}  // namespace holdfast::cli

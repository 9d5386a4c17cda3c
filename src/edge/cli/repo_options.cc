#include "edge/cli/repo_options.h"

#include <fmt/core.h>

#include <charconv>

namespace holdfast::cli {
namespace {

const RepoOption* find_option(const std::vector<RepoOption>& options, std::string_view name) {
  for (const RepoOption& option : options) {
    const bool by_letter = name.size() == 1 && option.letter == name[0];
    if (option.name == name || by_letter) {
      return &option;
    }
  }
  return nullptr;
}

}  // namespace

std::string RepoArguments::get(std::string_view option, std::string fallback) const {
  const auto found = values.find(option);
  if (found == values.end()) {
    return fallback;
  }
  return found->second.back();
}

std::vector<std::string> RepoArguments::all(std::string_view option) const {
  const auto found = values.find(option);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

Result<int> RepoArguments::number(std::string_view option, int fallback) const {
  if (!has(option)) {
    return fallback;
  }
  const std::string text = get(option);
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 0) {
    return Error(Code::kInvalidArgument, fmt::format("--{} takes a number", option));
  }
  return value;
}

Result<RepoArguments> parse_repo_arguments(const std::vector<std::string>& args,
                                           const std::vector<RepoOption>& options) {
  RepoArguments parsed;
  bool only_words = false;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (only_words || arg.size() < 2 || arg[0] != '-') {
      (parsed.verb.empty() ? parsed.verb : parsed.words.emplace_back()) = arg;
      continue;
    }
    if (arg == "--") {
      only_words = true;
      continue;
    }
    const bool is_long = arg.starts_with("--");
    const std::size_t equals = is_long ? arg.find('=') : std::string::npos;
    const std::string name = is_long ? arg.substr(2, equals - 2) : arg.substr(1, 1);
    const RepoOption* option = find_option(options, name);
    if (option == nullptr) {
      return Error(Code::kInvalidArgument, fmt::format("unknown option '{}'", arg));
    }
    std::string value;
    if (equals != std::string::npos) {
      value = arg.substr(equals + 1);
    } else if (!is_long && arg.size() > 2) {
      value = arg.substr(2);
    } else if (option->takes_value && i + 1 < args.size()) {
      value = args[++i];
    } else if (option->takes_value) {
      return Error(Code::kInvalidArgument, fmt::format("option '{}' needs a value", arg));
    }
    parsed.values[std::string(option->name)].push_back(std::move(value));
  }
  return parsed;
}

}  // namespace holdfast::cli

#include "engine/backup/exclude.h"

#include <fnmatch.h>

namespace holdfast::backup {
namespace {

using Parts = std::vector<std::string>;

// Whether parts[at..] of the path are exactly what pattern[from..] describes.
bool match_all(const Parts& pattern, std::size_t from, const Parts& path, std::size_t at) {
  if (from == pattern.size()) {
    return at == path.size();
  }
  if (pattern[from] == "**") {
    for (std::size_t next = at; next <= path.size(); ++next) {
      if (match_all(pattern, from + 1, path, next)) {
        return true;
      }
    }
    return false;
  }
  return at < path.size() && ::fnmatch(pattern[from].c_str(), path[at].c_str(), 0) == 0 &&
         match_all(pattern, from + 1, path, at + 1);
}

}  // namespace

std::vector<std::string> split_path(std::string_view path) {
  Parts parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) {
      parts.emplace_back(path.substr(0, slash));
    }
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  }
  return parts;
}

Excludes::Excludes(const std::vector<std::string>& patterns) {
  for (const std::string& text : patterns) {
    Parts parts = split_path(text);
    if (!parts.empty()) {
      patterns_.push_back({std::move(parts), text.starts_with('/')});
    }
  }
}

bool Excludes::matches(std::string_view path) const {
  if (patterns_.empty()) {
    return false;
  }
  const Parts parts = split_path(path);
  for (const Pattern& pattern : patterns_) {
    const std::size_t last_start = pattern.anchored ? 0 : parts.size();
    for (std::size_t start = 0; start <= last_start; ++start) {
      if (match_all(pattern.parts, 0, parts, start)) {
        return true;
      }
    }
  }
  return false;
}

}  // namespace holdfast::backup

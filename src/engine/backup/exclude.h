// Patterns of what is left out of a backup or a comparison.
//
// A pattern's parts are separated by slashes; in a part * ? and [..] match as in the shell, the
// part
// ** matches any number of parts. A pattern that starts with a slash is matched from the root of
// the path, any other one at every depth; "name" alone thus matches every entry of that name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::backup {

class Excludes {
 public:
  explicit Excludes(const std::vector<std::string>& patterns);
  // Whether the entry itself is left out; what lies below an excluded folder is never asked for.
  bool matches(std::string_view path) const;
  bool empty() const { return patterns_.empty(); }

 private:
  struct Pattern {
    std::vector<std::string> parts;
    bool anchored = false;
  };
  std::vector<Pattern> patterns_;
};

// "/a//b/" -> {"a", "b"}
std::vector<std::string> split_path(std::string_view path);

}  // namespace holdfast::backup

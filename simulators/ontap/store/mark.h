// Whether anything in a tree was written since the last look, without reading it.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::ontap_sim {

struct TreeMark {
  std::int64_t newest = 0;  // nanoseconds: the last change of any entry, as the file system says
  std::int64_t bytes = 0;
  std::int64_t entries = 0;
  bool operator==(const TreeMark&) const = default;
};
// Of everything but the folder `.snapshot` at the top; empty for a tree that is not there.
TreeMark mark_tree(const std::string& top);

}  // namespace holdfast::ontap_sim

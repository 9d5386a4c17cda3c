#include "simulators/ontap/model/privileges.h"

#include <algorithm>
#include <array>

namespace holdfast::ontap_sim {
namespace {

struct Access {
  std::string_view name;
  bool reads, creates, modifies, removes;
};
constexpr std::array<Access, 6> kAccesses = {{{"none", false, false, false, false},
                                              {"readonly", true, false, false, false},
                                              {"read_create", true, true, false, false},
                                              {"read_modify", true, false, true, false},
                                              {"read_create_modify", true, true, true, false},
                                              {"all", true, true, true, true}}};

const Access* access_of(std::string_view word) {
  const auto* found = std::ranges::find(kAccesses, word, &Access::name);
  return found == kAccesses.end() ? nullptr : found;
}

bool holds(std::string_view path, std::string_view wanted) {
  return wanted.starts_with(path) && (wanted.size() == path.size() || wanted[path.size()] == '/');
}

}  // namespace

bool is_access(std::string_view word) { return access_of(word) != nullptr; }

bool allows(const Privileges& privileges, std::string_view method, std::string_view path) {
  const Privilege* right = nullptr;
  for (const Privilege& one : privileges) {
    if (holds(one.path, path) && (right == nullptr || one.path.size() > right->path.size())) {
      right = &one;
    }
  }
  const Access* access = right == nullptr ? nullptr : access_of(right->access);
  if (access == nullptr) {
    return false;
  }
  return method == "POST"     ? access->creates
         : method == "PATCH"  ? access->modifies
         : method == "DELETE" ? access->removes
                              : access->reads;
}

}  // namespace holdfast::ontap_sim

// Rights of an API key.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace holdfast::access {

// kAgent stands alone: the key of one agent (agents.h), which asks for that agent's tasks and for
// nothing else.
enum class Scope {
  kRead,
  kOperate,
  kRecover,
  kApprove,
  kConfigure,
  kSecrets,
  kAudit,
  kAdmin,
  kAgent,
};
inline constexpr int kScopeCount = static_cast<int>(Scope::kAgent) + 1;

std::string_view scope_name(Scope scope);
// kInvalidArgument for a name that is no scope; the message lists them.
Result<Scope> scope_from_name(std::string_view name);

class Scopes {
 public:
  Scopes() = default;
  Scopes(std::initializer_list<Scope> scopes) : scopes_(scopes) {}
  static Result<Scopes> from_names(const std::vector<std::string>& names);

  // Admin implies every scope but kAgent: a person is no agent.
  bool allows(Scope scope) const {
    return scopes_.contains(scope) || (scope != Scope::kAgent && scopes_.contains(Scope::kAdmin));
  }
  std::vector<std::string> names() const;

 private:
  std::set<Scope> scopes_;
};

// Who calls. Passed by value through services; never looked up again.
struct Principal {
  std::string id;    // key_...
  std::string name;  // of the key, for audit rows and approvals
  Scopes scopes;
};

}  // namespace holdfast::access

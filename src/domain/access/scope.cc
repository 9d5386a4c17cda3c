#include "domain/access/scope.h"

#include <array>

namespace holdfast::access {
namespace {

constexpr std::array<std::string_view, kScopeCount> kNames{
    "read", "operate", "recover", "approve", "configure", "secrets", "audit", "admin", "agent"};

}  // namespace

std::string_view scope_name(Scope scope) { return kNames.at(static_cast<size_t>(scope)); }

Result<Scope> scope_from_name(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) {
      return static_cast<Scope>(i);
    }
  }
  return Error(
      Code::kInvalidArgument,
      "'" + std::string(name) +
          "' is no scope: use read, operate, recover, approve, configure, secrets, audit or admin");
}

Result<Scopes> Scopes::from_names(const std::vector<std::string>& names) {
  Scopes scopes;
  for (const std::string& name : names) {
    HF_TRY(const Scope scope, scope_from_name(name));
    scopes.scopes_.insert(scope);
  }
  return scopes;
}

std::vector<std::string> Scopes::names() const {
  std::vector<std::string> names;
  for (const Scope scope : scopes_) {
    names.emplace_back(scope_name(scope));
  }
  return names;
}

}  // namespace holdfast::access

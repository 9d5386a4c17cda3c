#include "simulators/ontap/ctl/faults.h"

#include <algorithm>
#include <mutex>

#include "simulators/ontap/rest/filter.h"

namespace holdfast::ontap_sim {
namespace {

bool fits(const std::string& wanted, std::string_view actual) {
  return wanted.empty() || wildcard_match(wanted, actual);
}

bool bites(const FaultRule& rule, std::string_view kind, const Faults::Place& place) {
  return rule.kind == kind && rule.times != 0 && fits(rule.cluster, place.cluster) &&
         fits(rule.method, place.method) && fits(rule.path, place.path) &&
         fits(rule.route, place.route);
}

}  // namespace

std::int64_t Faults::add(FaultRule rule) {
  const std::lock_guard hold(mutex_);
  rule.id = next_id_++;
  rules_.push_back(std::move(rule));
  return rules_.back().id;
}

void Faults::clear() {
  const std::lock_guard hold(mutex_);
  rules_.clear();
}

bool Faults::remove(std::int64_t id) {
  const std::lock_guard hold(mutex_);
  return std::erase_if(rules_, [id](const FaultRule& rule) { return rule.id == id; }) > 0;
}

std::vector<FaultRule> Faults::list() const {
  const std::lock_guard hold(mutex_);
  return rules_;
}

std::optional<FaultRule> Faults::take(std::string_view kind, const Place& place) {
  const std::lock_guard hold(mutex_);
  for (FaultRule& rule : rules_) {
    if (!bites(rule, kind, place)) {
      continue;
    }
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    rule.times -= rule.times > 0 ? 1 : 0;
    return rule;
  }
  return std::nullopt;
}

std::optional<FaultRule> Faults::peek(std::string_view kind, std::string_view cluster) const {
  const std::lock_guard hold(mutex_);
  const auto found = std::ranges::find_if(rules_, [&](const FaultRule& rule) {
    return rule.kind == kind && rule.times != 0 && fits(rule.cluster, cluster);
  });
  return found == rules_.end() ? std::nullopt : std::optional(*found);
}

}  // namespace holdfast::ontap_sim

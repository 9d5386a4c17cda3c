#include "core/base/check.h"
#include "flow/activity.h"
#include "flow/workflow.h"

namespace holdfast::flow {
namespace {

template <class Map>
std::vector<std::string> keys_of(const Map& map) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : map) {
    keys.push_back(key);
  }
  return keys;
}

}  // namespace

void WorkflowRegistry::add(std::string type, WorkflowFunction function) {
  const bool added = functions_.emplace(std::move(type), std::move(function)).second;
  HF_CHECK(added, "a workflow name is registered once");
}

const WorkflowFunction* WorkflowRegistry::find(std::string_view type) const {
  const auto found = functions_.find(type);
  return found == functions_.end() ? nullptr : &found->second;
}

std::vector<std::string> WorkflowRegistry::names() const { return keys_of(functions_); }

void ActivityRegistry::add(std::string type, BlockingActivity function) {
  const bool added = functions_.emplace(std::move(type), std::move(function)).second;
  HF_CHECK(added, "an activity name is registered once");
}

void ActivityRegistry::add_co(std::string type, CoActivity function) {
  const bool added = functions_.emplace(std::move(type), std::move(function)).second;
  HF_CHECK(added, "an activity name is registered once");
}

const ActivityRegistry::Function* ActivityRegistry::find(std::string_view type) const {
  const auto found = functions_.find(type);
  return found == functions_.end() ? nullptr : &found->second;
}

std::vector<std::string> ActivityRegistry::names() const { return keys_of(functions_); }

}  // namespace holdfast::flow

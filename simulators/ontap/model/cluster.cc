#include "simulators/ontap/model/cluster.h"

namespace holdfast::ontap_sim {

const Rows& Cluster::rows(std::string_view kind) const {
  static const Rows kNone;
  const auto found = tables_.find(kind);
  return found == tables_.end() ? kNone : found->second;
}

const JsonObject* Cluster::find(std::string_view kind, std::string_view id) const {
  const Rows& table = rows(kind);
  const auto found = table.find(id);
  return found == table.end() ? nullptr : &found->second;
}

JsonObject* Cluster::edit(std::string_view kind, std::string_view id) {
  const auto table = tables_.find(kind);
  if (table == tables_.end()) {
    return nullptr;
  }
  const auto found = table->second.find(id);
  if (found == table->second.end()) {
    return nullptr;
  }
  changes_.emplace(kind, id);
  return &found->second;
}

JsonObject& Cluster::add(std::string_view kind, const std::string& id, JsonObject object) {
  changes_.emplace(kind, id);
  JsonObject& place = tables_[std::string(kind)][id];
  place = std::move(object);
  return place;
}

void Cluster::remove(std::string_view kind, std::string_view id) {
  const auto table = tables_.find(kind);
  if (table == tables_.end()) {
    return;
  }
  const auto found = table->second.find(id);
  if (found != table->second.end()) {
    changes_.emplace(kind, id);
    table->second.erase(found);
  }
}

std::vector<const JsonObject*> Cluster::below(std::string_view kind,
                                              std::string_view parent) const {
  const Rows& table = rows(kind);
  const std::string prefix = std::string(parent) + "/";
  std::vector<const JsonObject*> out;
  for (auto at = table.lower_bound(prefix); at != table.end() && at->first.starts_with(prefix);
       ++at) {
    out.push_back(&at->second);
  }
  return out;
}

const JsonObject* Cluster::find_by(std::string_view kind, std::string_view path,
                                   std::string_view text) const {
  for (const auto& [id, object] : rows(kind)) {
    const Json* found = at(object, path);
    if (found != nullptr && found->is_string() && std::string_view(found->as_string()) == text) {
      return &object;
    }
  }
  return nullptr;
}

std::set<std::pair<std::string, std::string>> Cluster::take_changes() {
  return std::exchange(changes_, {});
}

void Cluster::load(const std::string& kind, const std::string& id, JsonObject object) {
  tables_[kind][id] = std::move(object);
}

JsonObject reference(const JsonObject& object) {
  return {{"name", text_at(object, "name")}, {"uuid", text_at(object, "uuid")}};
}

}  // namespace holdfast::ontap_sim

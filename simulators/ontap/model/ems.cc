#include "simulators/ontap/model/ems.h"

#include <fmt/core.h>

namespace holdfast::ontap_sim {

void add_ems(World& world, Cluster& cluster, const EmsEvent& event) {
  constexpr size_t kMost = 10'000;
  const Rows& rows = cluster.rows(kind::kEvent);
  const std::int64_t index = rows.empty() ? 1 : int_at(rows.rbegin()->second, "index") + 1;
  JsonArray parameters;
  for (const auto& [name, value] : event.parameters) {
    parameters.push_back({{"name", name}, {"value", value}});
  }
  JsonObject node;
  if (!cluster.rows(kind::kNode).empty()) {
    node = reference(cluster.rows(kind::kNode).begin()->second);
  }
  cluster.add(kind::kEvent, fmt::format("{:012}", index),
              {{"index", index},
               {"time", world.now_text()},
               {"message", {{"name", event.name}, {"severity", event.severity}}},
               {"log_message", fmt::format("{}: {}", event.name, event.message)},
               {"node", std::move(node)},
               {"source", "ontap-sim"},
               {"parameters", std::move(parameters)}});
  if (rows.size() > kMost) {
    cluster.remove(kind::kEvent, std::string(rows.begin()->first));
  }
}

}  // namespace holdfast::ontap_sim

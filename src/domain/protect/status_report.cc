#include "domain/protect/status_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "domain/inventory/catalog.h"
#include "domain/inventory/systems.h"
#include "domain/protect/ledger.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::protect {
namespace {

constexpr int kPage = 500;
constexpr size_t kMaxFailures = 100;

// Counts over runs as `run list` shows them.
struct Counts {
  std::map<std::string, std::int64_t> by_status;
  std::map<std::string, std::map<std::string, std::int64_t>> by_workflow;
  JsonArray failures;
  std::int64_t total = 0;

  void add(const flow::RunSummary& run) {
    const std::string status =
        run.status == flow::RunStatus::kRunning
            ? (run.search_attributes.contains("waiting_for") ? "waiting" : "running")
        : run.status == flow::RunStatus::kCompleted ? "completed"
        : run.status == flow::RunStatus::kCanceled  ? "cancelled"
                                                    : "failed";
    ++by_status[status];
    ++by_workflow[run.type][status];
    ++total;
    if (status == "failed" && failures.size() < kMaxFailures) {
      failures.push_back(
          JsonObject{{"id", run.workflow_id.text()},
                     {"workflow", run.type},
                     {"resource", get_string(Json(run.search_attributes), "resource")},
                     {"started_at", to_rfc3339(run.started)}});
    }
  }
};

JsonObject to_object(const std::map<std::string, std::int64_t>& counts) {
  JsonObject object;
  for (const char* status : {"completed", "failed", "cancelled", "running", "waiting"}) {
    const auto found = counts.find(status);
    object[status] = found == counts.end() ? 0 : found->second;
  }
  return object;
}

// What a report is about: this server with everything on it, or what lies on one storage system.
struct Scope {
  std::string name = "local";
  std::string system;   // empty: all of them
  std::string cluster;  // behind the system; empty: all of it
  bool whole = true;
  std::vector<std::string> resource_ids;  // unless whole
  std::set<std::string> resource_names;

  const std::vector<std::string>* ids() const { return whole ? nullptr : &resource_ids; }
};

// Whether a place lies on this cluster of its system: its mount says so, or there is no other.
bool lies_on(const storage::ontap::Place& place, const std::string& cluster) {
  return cluster.empty() || place.cluster == cluster ||
         (place.cluster.empty() &&
          place.system->endpoint().kind == storage::ontap::SystemKind::kCluster);
}

// The system that an operator names: by its own name or id, or by that of a cluster behind it.
Result<Scope> named_scope(db::Connection& sql, const std::string& id) {
  HF_TRY(const auto systems, inventory::list_systems(sql));
  HF_TRY(const auto space, inventory::list_capacity(sql));
  Scope scope;
  scope.whole = false;
  for (const inventory::StoredSystem& system : systems) {
    if (system.name == id || system.id == id) {
      scope.name = scope.system = system.name;
      return scope;
    }
  }
  const auto of_cluster =
      std::find_if(space.begin(), space.end(), [&](const auto& one) { return one.cluster == id; });
  if (of_cluster != space.end()) {
    scope.name = scope.cluster = id;
    scope.system = of_cluster->system;
    return scope;
  }
  return Error(Code::kNotFound,
               fmt::format("there is no storage system or cluster '{}': this machine is 'local', "
                           "for the others see 'holdfast system list'",
                           id));
}

Result<Scope> scope_of(const ServerContext& context, const activities::DataContext& data,
                       const std::string& id) {
  if (id == "local" || id == context.host) {
    return Scope();
  }
  std::vector<inventory::Resource> resources;
  Scope scope;
  HF_TRY_VOID(context.db.read_blocking([&](db::Connection& sql) -> Status {
    HF_TRY(scope, named_scope(sql, id));
    HF_TRY(resources, inventory::list_resources(sql));
    return {};
  }));
  for (const inventory::Resource& resource : resources) {
    const auto place = data.systems().place_of(resource.path);
    if (place && place->system->endpoint().name == scope.system && lies_on(*place, scope.cluster)) {
      scope.resource_ids.push_back(resource.id.text());
      scope.resource_names.insert(resource.name);
    }
  }
  return scope;
}

Json event_json(const inventory::SystemEvent& event) {
  return JsonObject{
      {"name", event.name},       {"severity", event.severity},
      {"cluster", event.cluster}, {"resource", event.resource},
      {"message", event.text},    {"time", event.time ? Json(to_rfc3339(*event.time)) : Json()}};
}

// One storage system: whether it answers, what it reports, how full it is.
Json storage_row(const inventory::StoredSystem& system, const Scope& scope,
                 const std::vector<inventory::SystemEvent>& events,
                 const std::vector<inventory::AggregateSpace>& space) {
  const auto counts = [&](const auto& row) {
    return row.system == system.name && (scope.cluster.empty() || row.cluster == scope.cluster);
  };
  std::map<std::string, std::int64_t> by_severity;
  JsonArray open;
  for (const inventory::SystemEvent& event : events) {
    if (counts(event)) {
      ++by_severity[event.severity];
      open.push_back(event_json(event));
    }
  }
  inventory::AggregateSpace sum;
  for (const inventory::AggregateSpace& one : space) {
    if (counts(one)) {
      sum.size += one.size;
      sum.used += one.used;
      sum.logical_used += one.logical_used;
      sum.savings += one.savings;
    }
  }
  const double efficiency = sum.efficiency();
  return JsonObject{{"system", system.name},
                    {"type", system.type},
                    {"asked_at", system.asked_at ? Json(to_rfc3339(*system.asked_at)) : Json()},
                    {"problem", system.problem.empty() ? Json() : Json(system.problem)},
                    {"open_events", JsonObject(by_severity.begin(), by_severity.end())},
                    {"events", std::move(open)},
                    {"size_bytes", sum.size},
                    {"used_bytes", sum.used},
                    {"logical_used_bytes", sum.logical_used},
                    {"storage_efficiency", efficiency == 0 ? Json() : Json(efficiency)}};
}

Result<Json> storage_of(const ServerContext& context, const Scope& scope) {
  return context.db.read_blocking([&](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto systems, inventory::list_systems(sql));
    HF_TRY(const auto events, inventory::open_system_events(sql));
    HF_TRY(const auto space, inventory::list_capacity(sql));
    JsonArray rows;
    for (const inventory::StoredSystem& system : systems) {
      if (scope.system.empty() || scope.system == system.name) {
        rows.push_back(storage_row(system, scope, events, space));
      }
    }
    return Json(std::move(rows));
  });
}

Result<Json> ledger_counts(const ServerContext& context, const Scope& scope, UtcTime from,
                           UtcTime to) {
  return context.db.read_blocking([&](db::Connection& sql) -> Result<Json> {
    HF_TRY(JsonObject counts, count_expected(sql, from, to, scope.ids()));
    return Json(std::move(counts));
  });
}

Result<Json> storage_metrics(const ServerContext& context, const Scope& scope, UtcTime from,
                             UtcTime to) {
  return context.db.read_blocking([&](db::Connection& sql) -> Result<Json> {
    HF_TRY(
        const auto row,
        sql.one(fmt::format("SELECT COUNT(*), COALESCE(SUM(p.bytes), 0), COALESCE(SUM((SELECT "
                            "SUM(c.added_bytes) FROM copies c WHERE c.point_id = p.id)), 0) FROM "
                            "points p WHERE p.time >= ?1 AND p.time < ?2 AND {}",
                            kIsAmong),
                from, to, among(scope.ids())));
    const std::int64_t logical = row->integer(1);
    const std::int64_t stored = row->integer(2);
    return Json(JsonObject{
        {"points", row->integer(0)},
        {"logical_bytes", logical},
        {"stored_bytes", stored},
        {"storage_efficiency",
         stored == 0 ? Json() : Json(static_cast<double>(logical) / static_cast<double>(stored))}});
  });
}

}  // namespace

async::Co<Result<Json>> status_report(const ServerContext* context,
                                      const activities::DataContext* data, flow::Client* client,
                                      std::string own_run, Json input) {
  HF_CO_TRY(const Scope scope, scope_of(*context, *data, get_string(input, "cluster_id", "local")));
  HF_CO_TRY(const UtcTime now, parse_rfc3339(get_string(input, "now")));
  HF_CO_TRY(const UtcTime from,
            parse_rfc3339(get_string(input, "start_date", "1970-01-01T00:00:00Z"), true));
  const std::string end = get_string(input, "end_date");
  HF_CO_TRY(const UtcTime to, end.empty() ? Result<UtcTime>(now) : parse_rfc3339(end, true));
  Counts counts;
  flow::ListQuery query;
  query.started_after = from;
  query.started_before = to;
  query.limit = kPage;
  do {
    HF_CO_TRY(const flow::RunPage page, co_await client->list(query));
    for (const flow::RunSummary& run : page.runs) {
      const std::string resource = get_string(Json(run.search_attributes), "resource");
      if (run.workflow_id.text() != own_run &&
          (scope.whole || scope.resource_names.contains(resource))) {
        counts.add(run);
      }
    }
    query.page_key = page.next_page_key;
  } while (!query.page_key.empty());
  JsonObject workflows;
  for (const auto& [name, by_status] : counts.by_workflow) {
    workflows[name] = to_object(by_status);
  }
  HF_CO_TRY(Json expected, ledger_counts(*context, scope, from, to));
  JsonObject report{{"cluster", scope.name},
                    {"start_date", to_rfc3339(from)},
                    {"end_date", to_rfc3339(to)},
                    {"total_runs", counts.total},
                    {"runs", to_object(counts.by_status)},
                    {"workflows", std::move(workflows)},
                    {"expected_runs", std::move(expected)}};
  if (get_bool(input, "include_metrics", true)) {
    HF_CO_TRY(report["metrics"], storage_metrics(*context, scope, from, to));
  }
  HF_CO_TRY(report["storage"], storage_of(*context, scope));
  if (get_bool(input, "include_failures", true)) {
    report["failures"] = std::move(counts.failures);
  }
  co_return Json(std::move(report));
}

}  // namespace holdfast::protect

#include "domain/protect/report_activities.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "domain/inventory/catalog.h"
#include "domain/inventory/systems.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy_store.h"
#include "domain/schedule/retention.h"

namespace holdfast::protect {
namespace {

constexpr int kPage = 500;
constexpr size_t kMaxFailures = 100;

// The policy that schedule_backup keeps for one resource: its schedules accumulate by label.
std::string schedule_policy_name(const inventory::Resource& resource) {
  return "schedule-of-" + resource.name;
}

std::string label_of(const std::string& schedule) {
  return schedule.find_first_of(" @") == std::string::npos ? schedule : "cron";
}

// The entry of a document for hourly, daily, weekly, monthly or a cron text.
JsonObject entry_of(const std::string& schedule, const std::string& retention) {
  JsonObject entry;
  if (label_of(schedule) == "cron") {
    entry["cron"] = schedule;
  } else {
    entry["time"] = "02:00";
    entry["frequency"] = schedule;
  }
  entry["retention"] = retention;
  return entry;
}

Json with_schedule(const Policy& policy, const std::string& name, const std::string& schedule,
                   const Json& input) {
  JsonObject document = policy.document.is_object() && policy.name == name
                            ? policy.document.get_object()
                            : JsonObject{};
  document["kind"] = "policy";
  document["name"] = name;
  document["timezone"] = "UTC";
  JsonArray schedules;
  const std::string label = label_of(schedule);
  if (const Json* before = document.if_contains("schedules");
      before != nullptr && before->is_array()) {
    for (const Json& entry : before->get_array()) {
      if (entry.is_object() && !entry.get_object().contains(label)) {
        schedules.push_back(entry);
      }
    }
  }
  schedules.push_back(
      JsonObject{{label, entry_of(schedule, get_string(input, "retention_period", "30_days"))}});
  document["schedules"] = std::move(schedules);
  document["steps"] = JsonArray{
      JsonObject{{"execute_backup",
                  JsonObject{{"type", "snapshot"},
                             {"consistency_group", get_bool(input, "consistency_group", true)}}}}};
  return document;
}

Result<Json> answer_of(const Policy& policy, const inventory::Resource& resource,
                       const std::string& label, const Json& input, UtcTime now) {
  HF_TRY(const schedule::Zone zone, schedule::find_zone(policy.timezone));
  JsonArray next_runs;
  std::string description;
  for (const ScheduleEntry& entry : policy.schedules) {
    if (entry.label != label) {
      continue;
    }
    description = entry.rule.description;
    std::optional<UtcTime> next = schedule::next_after(entry.rule, zone, now);
    for (int i = 0; i < 3 && next; ++i) {
      next_runs.push_back(Json(to_rfc3339(*next)));
      next = schedule::next_after(entry.rule, zone, *next);
    }
  }
  return Json(JsonObject{{"policy", policy.name},
                         {"policy_version", policy.version},
                         {"resource", resource.name},
                         {"resource_id", resource.id.text()},
                         {"label", label},
                         {"schedule", description},
                         {"timezone", policy.timezone},
                         {"retention", get_string(input, "retention_period", "30_days")},
                         {"backup_type", get_string(input, "backup_type", "snapshot")},
                         {"next_runs", std::move(next_runs)}});
}

Result<Json> schedule_backup_row(const ServerContext& context, const Json& input) {
  const UtcTime now = context.clock.now();
  const std::string new_id = context.new_id("pol_");
  const std::string zone = context.timezone;
  return context.db.write_blocking([=](db::Connection& sql) -> Result<Json> {
    HF_TRY(inventory::Resource resource,
           inventory::find_resource(sql, get_string(input, "volume_id")));
    if (const std::string type = get_string(input, "backup_type", "snapshot"); type != "snapshot") {
      return Error(Code::kInvalidArgument,
                   fmt::format("backup_type '{}' is not offered: use snapshot", type));
    }
    const std::string schedule = get_string(input, "schedule", "daily");
    const std::string name = schedule_policy_name(resource);
    HF_TRY(const Policy before, policy_of(sql, resource, zone));
    HF_TRY(Policy policy, decode_policy(with_schedule(before, name, schedule, input), "UTC"));
    HF_TRY_VOID(status_of(put_policy(sql, policy, new_id, now)));
    if (resource.policy != name) {
      for (const ScheduleEntry& entry : before.schedules) {
        HF_TRY_VOID(withdraw_expected(sql, resource.id.text(), entry.label, now));
      }
      resource.policy = name;
      HF_TRY_VOID(inventory::put_resource(sql, resource));
    }
    return answer_of(policy, resource, label_of(schedule), input, now);
  });
}

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

Result<Json> ledger_counts(const ServerContext& context, UtcTime from, UtcTime to) {
  return context.db.read_blocking([from, to](db::Connection& sql) -> Result<Json> {
    HF_TRY(JsonObject counts, count_expected(sql, from, to));
    return Json(std::move(counts));
  });
}

Result<Json> storage_metrics(const ServerContext& context, UtcTime from, UtcTime to) {
  return context.db.read_blocking([from, to](db::Connection& sql) -> Result<Json> {
    HF_TRY(
        const auto row,
        sql.one(
            "SELECT COUNT(*), COALESCE(SUM(p.bytes), 0), COALESCE(SUM((SELECT SUM(c.added_bytes) "
            "FROM copies c WHERE c.point_id = p.id)), 0) FROM points p WHERE p.time >= ?1 AND "
            "p.time < ?2",
            from, to));
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

// Whether a mount of a system's document ("svm:/junction" or "cluster/svm:/junction" to a
// directory) holds a path; `cluster` empty: of any cluster.
bool is_mounted_below(const Json& document, const std::string& cluster, const std::string& path) {
  const Json* mounts = find(document, "mounts");
  if (mounts == nullptr || !mounts->is_object()) {
    return false;
  }
  for (const auto& [key, directory] : mounts->get_object()) {
    const std::string local(directory.is_string() ? directory.get_string() : "");
    const bool fits = cluster.empty() || std::string_view(key).starts_with(cluster + "/");
    if (fits && !local.empty() && (path == local || path.starts_with(local + "/"))) {
      return true;
    }
  }
  return false;
}

// What a report is about: everything, or one storage system or one of its clusters.
struct ReportScope {
  std::string name;    // "local": everything
  std::string system;  // empty: all
  std::string cluster;
  std::optional<std::set<std::string>> resources;  // names; nothing: all
};

Result<ReportScope> scope_of(db::Connection& sql, const std::string& asked,
                             const std::string& host) {
  ReportScope scope{asked, "", "", std::nullopt};
  if (asked == "local" || asked == host) {
    scope.name = "local";
    return scope;
  }
  HF_TRY(const auto systems, inventory::list_systems(sql));
  HF_TRY(const auto space, inventory::list_capacity(sql));
  const inventory::StoredSystem* found = nullptr;
  for (const inventory::StoredSystem& system : systems) {
    const bool has = std::any_of(space.begin(), space.end(), [&](const auto& one) {
      return one.system == system.name && one.cluster == asked;
    });
    if (system.name == asked || system.id == asked || has) {
      found = &system;
      scope.cluster = has && system.name != asked ? asked : "";
    }
  }
  if (found == nullptr) {
    return Error(Code::kNotFound,
                 fmt::format("there is no storage system or cluster '{}': this machine is 'local', "
                             "'holdfast system list' shows the others",
                             asked));
  }
  scope.system = found->name;
  HF_TRY(const auto resources, inventory::list_resources(sql));
  scope.resources.emplace();
  for (const inventory::Resource& resource : resources) {
    if (is_mounted_below(found->document, scope.cluster, resource.path)) {
      scope.resources->insert(resource.name);
    }
  }
  return scope;
}

// The storage systems of a report: whether they answer, what they report, how full they are.
Result<Json> storage_of(db::Connection& sql, const ReportScope& scope) {
  HF_TRY(const auto systems, inventory::list_systems(sql));
  HF_TRY(const auto events, inventory::open_system_events(sql));
  HF_TRY(const auto space, inventory::list_capacity(sql));
  JsonArray rows;
  for (const inventory::StoredSystem& system : systems) {
    if (!scope.system.empty() && scope.system != system.name) {
      continue;
    }
    const auto counts = [&](const auto& row) {
      return row.system == system.name && (scope.cluster.empty() || row.cluster == scope.cluster);
    };
    std::map<std::string, std::int64_t> by_severity;
    for (const inventory::SystemEvent& event : events) {
      by_severity[event.severity] += counts(event) ? 1 : 0;
    }
    JsonObject open;
    for (const auto& [severity, count] : by_severity) {
      if (count > 0) {
        open[severity] = count;
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
    rows.push_back(
        JsonObject{{"system", system.name},
                   {"type", system.type},
                   {"asked_at", system.asked_at ? Json(to_rfc3339(*system.asked_at)) : Json()},
                   {"problem", system.problem.empty() ? Json() : Json(system.problem)},
                   {"open_events", std::move(open)},
                   {"size_bytes", sum.size},
                   {"used_bytes", sum.used},
                   {"logical_used_bytes", sum.logical_used},
                   {"storage_efficiency", efficiency == 0 ? Json() : Json(efficiency)}});
  }
  return Json(std::move(rows));
}

async::Co<Result<Json>> status_report(const ServerContext* context, flow::Client* client,
                                      std::string own_run, Json input) {
  const std::string asked = get_string(input, "cluster_id", "local");
  HF_CO_TRY(const ReportScope scope,
            context->db.read_blocking([&](db::Connection& sql) -> Result<ReportScope> {
              return scope_of(sql, asked, context->host);
            }));
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
      const bool counts_here = !scope.resources || scope.resources->contains(resource);
      if (run.workflow_id.text() != own_run && counts_here) {
        counts.add(run);
      }
    }
    query.page_key = page.next_page_key;
  } while (!query.page_key.empty());
  JsonObject workflows;
  for (const auto& [name, by_status] : counts.by_workflow) {
    workflows[name] = to_object(by_status);
  }
  HF_CO_TRY(Json expected, ledger_counts(*context, from, to));
  HF_CO_TRY(Json storage, context->db.read_blocking([&](db::Connection& sql) -> Result<Json> {
    return storage_of(sql, scope);
  }));
  JsonObject report{{"cluster", scope.name},
                    {"start_date", to_rfc3339(from)},
                    {"end_date", to_rfc3339(to)},
                    {"total_runs", counts.total},
                    {"runs", to_object(counts.by_status)},
                    {"workflows", std::move(workflows)},
                    {"expected_runs", std::move(expected)},
                    {"storage", std::move(storage)}};
  if (get_bool(input, "include_metrics", true)) {
    HF_CO_TRY(report["metrics"], storage_metrics(*context, from, to));
  }
  if (get_bool(input, "include_failures", true)) {
    report["failures"] = std::move(counts.failures);
  }
  co_return Json(std::move(report));
}

}  // namespace

void register_report_activities(flow::ActivityRegistry& registry, const ServerContext& context,
                                std::function<flow::Client&()> client) {
  registry.add("protect.schedule_backup", [&context](flow::ActivityContext&, const Json& input) {
    return schedule_backup_row(context, input);
  });
  registry.add_co("protect.status_report", [&context, client](flow::ActivityContext& activity,
                                                              Json input) {
    return status_report(&context, &client(), activity.info().workflow_id.text(), std::move(input));
  });
}

}  // namespace holdfast::protect

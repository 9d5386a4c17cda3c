#include "domain/protect/report_activities.h"

#include <fmt/core.h>

#include "domain/inventory/catalog.h"
#include "domain/inventory/systems.h"
#include "domain/protect/ledger.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/resources.h"
#include "domain/protect/status_report.h"
#include "domain/schedule/retention.h"

namespace holdfast::protect {
namespace {

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
    HF_TRY_VOID(check_capabilities(resource, policy));
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

}  // namespace

void register_report_activities(flow::ActivityRegistry& registry, const ServerContext& context,
                                const activities::DataContext& data,
                                std::function<flow::Client&()> client) {
  registry.add("protect.schedule_backup", [&context](flow::ActivityContext&, const Json& input) {
    return schedule_backup_row(context, input);
  });
  registry.add_co("protect.status_report",
                  [&context, &data, client](flow::ActivityContext& activity, Json input) {
                    return status_report(&context, &data, &client(),
                                         activity.info().workflow_id.text(), std::move(input));
                  });
}

}  // namespace holdfast::protect

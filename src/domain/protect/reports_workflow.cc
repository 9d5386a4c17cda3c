#include "domain/protect/reports_workflow.h"

#include "domain/activities/workflow_options_types.h"

namespace holdfast::protect {
namespace {

using activities::control_options;
using activities::data_options;

// A rebuild does not wait longer for the agent of a volume; it goes on without its snapshots.
constexpr Nanoseconds kAwayFor = std::chrono::minutes(10);

}  // namespace

flow::Task<Result<Json>> schedule_backup(flow::WorkflowContext& ctx) {
  Json input = ctx.input();
  input.get_object()["run_id"] = ctx.info().workflow_id.text();
  HF_CO_TRY(Json made,
            co_await ctx.activity("protect.schedule_backup", std::move(input), control_options()));
  co_return Json(JsonObject{{"backup_schedule", std::move(made)}});
}

flow::Task<Result<Json>> backup_status_report(flow::WorkflowContext& ctx) {
  Json input = ctx.input();
  input.get_object()["run_id"] = ctx.info().workflow_id.text();
  input.get_object()["now"] = to_rfc3339(ctx.now());
  HF_CO_TRY(Json report,
            co_await ctx.activity("protect.status_report", std::move(input), control_options()));
  co_return Json(JsonObject{{"backup_status", std::move(report)}});
}

// Repositories first, since their tags name the resources; then what storage systems hold. One
// repository after the other: each is listed by a data activity, a page at a time, and its
// snapshots become points again.
flow::Task<Result<Json>> catalog_rebuild(flow::WorkflowContext& ctx) {
  HF_CO_TRY(const Json found,
            co_await ctx.activity("protect.known_repositories", JsonObject{}, control_options()));
  const Json* repositories = find(found, "repositories");
  std::int64_t points = 0;
  std::int64_t copies = 0;
  for (size_t i = 0; repositories != nullptr && i < repositories->get_array().size(); ++i) {
    const Json repository = repositories->get_array()[i];
    std::string cursor;
    do {
      ctx.set_progress(JsonObject{{"step", "catalog_rebuild"},
                                  {"message", get_string(repository, "name")},
                                  {"points", points}});
      Json input = JsonObject{{"repository", repository}, {"after", cursor}};
      HF_CO_TRY(const Json page,
                co_await ctx.activity("engine.list_points", std::move(input), data_options()));
      Json rows = JsonObject{{"repository", repository}, {"snapshots", *find(page, "snapshots")}};
      HF_CO_TRY(const Json adopted, co_await ctx.activity("protect.adopt_snapshots",
                                                          std::move(rows), control_options()));
      points += get_int(adopted, "points");
      copies += get_int(adopted, "copies");
      cursor = get_string(page, "next");
    } while (!cursor.empty());
  }
  HF_CO_TRY(const Json volumes,
            co_await ctx.activity("protect.known_volumes", JsonObject{}, control_options()));
  const Json* list = find(volumes, "volumes");
  for (size_t i = 0; list != nullptr && i < list->get_array().size(); ++i) {
    Json row = list->get_array()[i];
    const std::string agent = get_string(*find(row, "volume"), "agent");
    flow::ActivityOptions how = activities::data_options_at(agent);
    how.schedule_to_start = agent.empty() ? Nanoseconds(0) : kAwayFor;
    Result<Json> snapshots = co_await ctx.activity("storage.list_snapshots", row, how);
    if (!snapshots) {
      ctx.log_warn("catalog.volume_unreadable", {{"error", snapshots.error().to_string()}});
      continue;
    }
    row.get_object()["snapshots"] = *find(*snapshots, "snapshots");
    HF_CO_TRY(const Json adopted, co_await ctx.activity("protect.adopt_storage_snapshots",
                                                        std::move(row), control_options()));
    points += get_int(adopted, "points");
    copies += get_int(adopted, "copies");
  }
  const auto count =
      static_cast<std::int64_t>(repositories == nullptr ? 0 : repositories->get_array().size());
  co_return Json(JsonObject{{"repositories", count}, {"points", points}, {"copies", copies}});
}

}  // namespace holdfast::protect

// Copies that a storage system keeps elsewhere are brought to where they can be read, and what was
// made for that goes again.
#pragma once

#include <string>
#include <utility>

#include "domain/activities/data_types.h"
#include "domain/activities/workflow_options_types.h"
#include "flow/workflow.h"

namespace holdfast::activities {

// Answers {path, temporary, detail}; a copy that a mount shows is not temporary.
inline flow::Task<Result<Json>> fetch_copy(flow::WorkflowContext& ctx, RestoreRequest restore,
                                           std::string run_id, int priority) {
  Json input = JsonObject{{"volume", encode(restore.volume)},
                          {"mirror", restore.mirror},
                          {"snapshot", restore.snapshot_id},
                          {"name", run_id}};
  co_return co_await ctx.activity("storage.fetch_copy", std::move(input),
                                  data_options_at(restore.volume.agent, priority));
}

// Removes what fetch_copy made, also after a cancel; harmless where it made nothing.
inline flow::Task<void> drop_fetched(flow::WorkflowContext& ctx, RestoreRequest restore,
                                     std::string run_id) {
  Json input =
      JsonObject{{"volume", encode(restore.volume)}, {"mirror", restore.mirror}, {"name", run_id}};
  Result<Json> dropped = co_await ctx.shielded().activity("storage.drop_fetched", std::move(input),
                                                          data_options_at(restore.volume.agent));
  if (!dropped) {
    ctx.log_warn("fetched_copy.not_removed", {{"error", dropped.error().to_string()}});
  }
}

}  // namespace holdfast::activities

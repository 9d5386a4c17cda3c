// Histories as Temporal writes them, from anywhere: refused, or read, written and read again the
// same; stored batches likewise; and a replay of any of them ends with a verdict.
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "core/base/json.h"
#include "flow/history_json.h"
#include "flow/replay/execution.h"

namespace {

using holdfast::Json;
using holdfast::Result;
namespace flow = holdfast::flow;

// Asks for one of everything, so that events of every kind may match something.
flow::Task<Result<Json>> everything(flow::WorkflowContext& ctx) {
  ctx.on_signal("note", [](const Json&) {});
  ctx.set_update("change", [](Json args) -> flow::Task<Result<Json>> { co_return args; });
  const auto kept = ctx.side_effect([] { return Json(1); });
  const bool changed = ctx.patched("p");
  const auto timer = ctx.timer(std::chrono::hours(1));
  const auto work = ctx.activity("work", ctx.input());
  const flow::Child child = ctx.child("everything", Json());
  const Result<Json> worked = co_await work;
  const auto waited = co_await ctx.wait_signal("go");
  const Result<Json> ended = co_await child.result;
  co_return kept&& changed&& worked&& waited&& ended ? worked : ended;
}

const flow::WorkflowRegistry& registry() {
  static const flow::WorkflowRegistry kRegistry = [] {
    flow::WorkflowRegistry made;
    made.add("everything", everything);
    return made;
  }();
  return kRegistry;
}

void replay(const std::vector<flow::Event>& events) {
  flow::Execution execution(registry());
  if (execution.apply(events)) {
    static_cast<void>(execution.check_complete());
    static_cast<void>(execution.commands());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto batch = flow::decode_batch(text)) {
    const std::string stored = flow::encode_batch(*batch);
    const auto again = flow::decode_batch(stored);
    HF_CHECK(again && flow::encode_batch(*again) == stored,
             "a batch is the same when stored again");
    replay(*batch);
  }
  const auto json = holdfast::parse_json(text, 1u << 20);
  if (!json) {
    return 0;
  }
  const auto events = flow::import_history(*json);
  if (!events) {
    return 0;
  }
  const Json written = flow::export_history(*events);
  const auto again = flow::import_history(written);
  HF_CHECK(again.has_value(), "what was read can be written and read");
  replay(*events);
  return 0;
}

// How the built-in workflows run one activity as a step that people see.
#pragma once

#include <concepts>
#include <string>
#include <utility>

#include "domain/activities/step_types.h"
#include "flow/workflow.h"

namespace holdfast::activities {

// What a workflow keeps of its run: the context, the steps, and how they are shown.
template <class T>
concept RunWithSteps = requires(T& run) {
  { run.ctx } -> std::convertible_to<flow::WorkflowContext&>;
  { run.steps } -> std::convertible_to<StepLog&>;
  run.show();
};

// The activity's answer; its `detail` is what people read of the step. `run` outlives the task.
template <RunWithSteps Run>
flow::Task<Result<Json>> run_step(Run& run, std::string name, std::string activity, Json input,
                                  flow::ActivityOptions options) {
  run.steps.begin(name, run.ctx.now());
  run.show();
  Result<Json> answer =
      co_await run.ctx.activity(std::move(activity), std::move(input), std::move(options));
  if (answer) {
    run.steps.done(name, get_string(*answer, "detail"), run.ctx.now());
  } else {
    run.steps.failed(name, answer.error(), run.ctx.now());
  }
  run.show();
  co_return answer;
}

}  // namespace holdfast::activities

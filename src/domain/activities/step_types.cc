#include "domain/activities/step_types.h"

#include "core/base/check.h"

namespace holdfast::activities {

void StepLog::announce(std::string_view phase, std::string_view name) {
  Step step;
  step.phase = phase;
  step.name = name;
  step.status = "pending";
  steps_.push_back(std::move(step));
}

Step& StepLog::find(std::string_view name) {
  for (Step& step : steps_) {
    if (step.name == name) {
      return step;
    }
  }
  HF_BUG("a step is announced before it begins");
  announce("", name);
  return steps_.back();
}

void StepLog::begin(std::string_view name, UtcTime now) {
  Step& step = find(name);
  step.status = "running";
  step.started_at = now;
}

void StepLog::end(std::string_view name, std::string_view status, std::string detail, UtcTime now) {
  Step& step = find(name);
  if (step.status == "pending") {
    step.started_at = now;
  }
  step.status = status;
  step.detail = std::move(detail);
  step.ended_at = now;
}

void StepLog::done(std::string_view name, std::string detail, UtcTime now) {
  end(name, "done", std::move(detail), now);
}

void StepLog::failed(std::string_view name, const Error& error, UtcTime now) {
  end(name, error.code() == Code::kCancelled ? "cancelled" : "failed", error.to_string(), now);
}

void StepLog::skipped(std::string_view name) {
  Step& step = find(name);
  step.status = "skipped";
  step.detail = "switched off by the policy";
}

void StepLog::not_applicable(std::string_view name, std::string why) {
  Step& step = find(name);
  step.status = "not_applicable";
  step.detail = std::move(why);
}

Json StepLog::to_json() const {
  JsonArray list;
  for (const Step& step : steps_) {
    Json item = encode(step);
    for (const std::string_view time : {"started_at", "ended_at"}) {
      if (get_string(item, time) == to_rfc3339(UtcTime())) {
        item.get_object()[time] = nullptr;
      }
    }
    list.push_back(std::move(item));
  }
  return list;
}

std::string StepLog::current() const {
  std::string name;
  for (const Step& step : steps_) {
    if (step.status == "running") {
      return step.name;
    }
    if (step.status != "pending") {
      name = step.name;
    }
  }
  return name;
}

}  // namespace holdfast::activities

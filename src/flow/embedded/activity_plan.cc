// How an activity is to be run, read from the attributes of its ActivityTaskScheduled.
#include <cmath>

#include "flow/embedded/records.h"
#include "flow/event.h"

namespace holdfast::flow::embedded {

ActivityPlan::ActivityPlan(const JsonObject& attributes)
    : activity_id(text_at(attributes, "activityId")),
      type(named(attributes, "activityType")),
      queue(named(attributes, "taskQueue")),
      schedule_to_close(duration_from(attributes, "scheduleToCloseTimeout")),
      schedule_to_start(duration_from(attributes, "scheduleToStartTimeout")),
      start_to_close(duration_from(attributes, "startToCloseTimeout")),
      heartbeat(duration_from(attributes, "heartbeatTimeout")) {
  if (const Json* how = attributes.if_contains("priority")) {
    priority = static_cast<int>(get_int(*how, "priorityKey", kUsualPriority));
  }
  const Json* policy = attributes.if_contains("retryPolicy");
  if (policy && policy->is_object()) {
    retry.initial = duration_from(policy->get_object(), "initialInterval");
    retry.maximum = duration_from(policy->get_object(), "maximumInterval");
    retry.coefficient = get_double(*policy, "backoffCoefficient", 2.0);
    retry.max_attempts = static_cast<int>(get_int(*policy, "maximumAttempts"));
    if (const Json* names = find(*policy, "nonRetryableErrorTypes"); names && names->is_array()) {
      for (const Json& name : names->get_array()) {
        retry.non_retryable.emplace_back(name.is_string() ? name.get_string() : "");
      }
    }
  }
}

Nanoseconds ActivityPlan::backoff_after(int attempt) const {
  const double pause =
      static_cast<double>(retry.initial.count()) * std::pow(retry.coefficient, attempt - 1);
  const auto longest = retry.maximum.count() > 0 ? retry.maximum : retry.initial * 100;
  return pause >= static_cast<double>(longest.count())
             ? longest
             : Nanoseconds(static_cast<std::int64_t>(pause));
}

}  // namespace holdfast::flow::embedded

// An attempt as a poll gives it.
#pragma once

#include <optional>
#include <string>

#include "core/base/json.h"
#include "core/base/time.h"
#include "flow/activity.h"

namespace temporal::api::workflowservice::v1 {
class PollActivityTaskQueueResponse;
}  // namespace temporal::api::workflowservice::v1

namespace holdfast::flow::temporal {

// `queue`: the queue's own name; `now`: when the attempt begins.
ActivityInfo info_of(
    const ::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse& polled,
    const std::string& queue, UtcTime now);
// Of the newest heartbeat of an earlier attempt.
std::optional<Json> details_of(
    const ::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse& polled);

}  // namespace holdfast::flow::temporal

#include "flow/temporal/polled.h"

#include "flow/temporal/convert.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {
namespace {

using Polled = ::temporal::api::workflowservice::v1::PollActivityTaskQueueResponse;

UtcTime time_of(const google::protobuf::Timestamp& time) {
  return UtcTime(std::chrono::seconds(time.seconds()) + Nanoseconds(time.nanos()));
}

Nanoseconds length_of(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) + Nanoseconds(duration.nanos());
}

}  // namespace

ActivityInfo info_of(const Polled& polled, const std::string& queue, UtcTime now) {
  ActivityInfo info;
  info.workflow_id = WorkflowId(polled.workflow_execution().workflow_id());
  info.run_id = RunId(polled.workflow_execution().run_id());
  info.workflow_type = polled.workflow_type().name();
  info.activity_id = polled.activity_id();
  info.type = polled.activity_type().name();
  info.queue = queue;
  info.attempt = polled.attempt();
  info.scheduled = time_of(polled.scheduled_time());
  info.started = now;
  if (const Nanoseconds limit = length_of(polled.start_to_close_timeout()); limit.count() > 0) {
    info.deadline = now + limit;
  }
  info.heartbeat_timeout = length_of(polled.heartbeat_timeout());
  const Json header = to_json(polled.header());
  for (const auto& [key, value] : header.get_object()) {
    if (value.is_string()) {
      info.header.emplace(key, value.get_string());
    }
  }
  return info;
}

std::optional<Json> details_of(const Polled& polled) {
  return polled.heartbeat_details().payloads_size() > 0
             ? std::optional(to_json(polled.heartbeat_details()))
             : std::nullopt;
}

}  // namespace holdfast::flow::temporal

#include "flow/temporal/updates.h"

#include "flow/outcome.h"
#include "flow/temporal/convert.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {
namespace {

namespace service = ::temporal::api::workflowservice::v1;
namespace protocol = ::temporal::api::protocol::v1;
namespace update = ::temporal::api::update::v1;
namespace enums = ::temporal::api::enums::v1;

using Task = service::PollWorkflowTaskQueueResponse;
using Answer = service::RespondWorkflowTaskCompletedRequest;

// What an answer says about the request that it answers. Without a message (the request stands in
// history, carried over by a reset): its usual names.
struct Asked {
  std::string message_id;
  std::int64_t event_id = 0;
  update::Request request;
};

Asked asked_of(const Task& task, const std::string& id) {
  for (const protocol::Message& message : task.messages()) {
    if (message.protocol_instance_id() == id) {
      Asked asked{message.id(), message.event_id(), {}};
      message.body().UnpackTo(&asked.request);
      return asked;
    }
  }
  return {id + "/request", std::max<std::int64_t>(0, task.started_event_id() - 1), {}};
}

void add_message(const std::string& update_id, std::string_view what,
                 const google::protobuf::Message& body, Answer& answer) {
  protocol::Message& message = *answer.add_messages();
  message.set_id(update_id + "/" + std::string(what));
  message.set_protocol_instance_id(update_id);
  message.mutable_body()->PackFrom(body);
}

// Of the newest message.
void add_command(Answer& answer) {
  auto& command = *answer.add_commands();
  command.set_command_type(enums::COMMAND_TYPE_PROTOCOL_MESSAGE);
  command.mutable_protocol_message_command_attributes()->set_message_id(
      answer.messages(answer.messages_size() - 1).id());
}

}  // namespace

Result<std::vector<detail::UpdateOffer>> offers_of(const Task& task) {
  std::vector<detail::UpdateOffer> offers;
  for (const protocol::Message& message : task.messages()) {
    update::Request request;
    if (!message.body().UnpackTo(&request)) {
      return Error(Code::kDataLoss, "a message beside the workflow task is of an unknown kind")
          .with("type", message.body().type_url());
    }
    offers.push_back(
        {message.protocol_instance_id(), request.input().name(), to_json(request.input().args())});
  }
  return offers;
}

bool is_update_answer(const detail::Command& command) {
  return command.event == EventType::kWorkflowExecutionUpdateAccepted ||
         command.event == EventType::kWorkflowExecutionUpdateCompleted;
}

Status add_update_answer(const detail::Command& command, const Task& task, Answer& answer) {
  if (command.event == EventType::kWorkflowExecutionUpdateAccepted) {
    const std::string id = text_at(command.attributes, "protocolInstanceId");
    Asked asked = asked_of(task, id);
    update::Acceptance acceptance;
    acceptance.set_accepted_request_message_id(asked.message_id);
    acceptance.set_accepted_request_sequencing_event_id(asked.event_id);
    *acceptance.mutable_accepted_request() = std::move(asked.request);
    add_message(id, "accept", acceptance, answer);
  } else {
    update::Response response;
    HF_TRY_VOID(from_json(Json(command.attributes), response));
    add_message(response.meta().update_id(), "complete", response, answer);
  }
  add_command(answer);
  return {};
}

Status add_rejection(const detail::UpdateRejection& rejection, const Task& task, Answer& answer) {
  Asked asked = asked_of(task, rejection.id);
  update::Rejection told;
  told.set_rejected_request_message_id(asked.message_id);
  told.set_rejected_request_sequencing_event_id(asked.event_id);
  *told.mutable_rejected_request() = std::move(asked.request);
  HF_TRY_VOID(from_json(to_failure(rejection.reason), *told.mutable_failure()));
  add_message(rejection.id, "reject", told, answer);
  return {};
}

// That the run closed before it gave an answer is a failure of the server's own.
Result<Json> update_outcome(const Json& outcome) {
  Result<Json> answer = answer_of(outcome);
  const Json* failure = find(outcome, "failure");
  const Json* info = failure ? find(*failure, "applicationFailureInfo") : nullptr;
  if (info && get_string(*info, "type") == "AcceptedUpdateCompletedWorkflow") {
    return Error(Code::kFailedPrecondition, "the run closed before it answered the update");
  }
  return answer;
}

}  // namespace holdfast::flow::temporal

// Updates: requests that the code accepts or refuses, and answers.
//
// An accepted update is recorded with its request, so that a replay offers it again at the same
// place: after the events of its window, before code runs. A refused one leaves nothing.
#include <algorithm>

#include "flow/replay/runtime.h"

namespace holdfast::flow::detail {
namespace {

Json meta_of(const std::string& id) { return {{"updateId", id}, {"identity", "holdfast"}}; }

UpdateOffer offer_of(std::string id, const JsonObject& request) {
  const JsonObject& input = object_at(request, "input");
  const Json* args = input.if_contains("args");
  return {std::move(id), text_at(input, "name"), args ? *args : Json()};
}

}  // namespace

UpdateOffer recorded_update(const Event& accepted) {
  UpdateOffer offer = offer_of(text_at(accepted.attributes, "protocolInstanceId"),
                               object_at(accepted.attributes, "acceptedRequest"));
  offer.accepted = true;
  return offer;
}

// A reset on a Temporal server carries updates over as events that hold the request; the acceptance
// that may follow names it only.
void Runtime::apply_admitted(const Event& event) {
  const JsonObject& request = object_at(event.attributes, "request");
  UpdateOffer admitted = offer_of(text_at(object_at(request, "meta"), "updateId"), request);
  const auto recorded = std::ranges::find(offers_, admitted.id, &UpdateOffer::id);
  if (recorded != offers_.end()) {
    admitted.accepted = true;
    *recorded = std::move(admitted);
  } else if (!replaying_) {
    offers_.push_back(std::move(admitted));
  }
}

Task<void> Runtime::update_task(Runtime& self, std::string id,
                                WorkflowContext::UpdateHandler handler, Json args) {
  Result<Json> outcome = co_await handler(std::move(args));
  if (outcome) {
    if (auto problem = payload_problem(*outcome, "the answer of an update")) {
      outcome = std::move(*problem);
    }
  }
  Json told = outcome ? Json{{"success", std::move(*outcome)}}
                      : Json{{"failure", to_failure(outcome.error())}};
  self.push(EventType::kWorkflowExecutionUpdateCompleted,
            {{"meta", meta_of(id)}, {"outcome", std::move(told)}});
}

void Runtime::set_update(std::string name, WorkflowContext::UpdateHandler handler,
                         WorkflowContext::UpdateValidator validator) {
  updates_[std::move(name)] = {std::move(handler), std::move(validator)};
  take_offers();  // one that came with the first window has waited for this
}

void Runtime::take_offers() {
  for (UpdateOffer& offer : std::exchange(offers_, {})) {
    const auto taker = updates_.find(offer.name);
    if (taker == updates_.end()) {
      offers_.push_back(std::move(offer));
    } else {
      admit(taker->second, std::move(offer));
    }
  }
}

void Runtime::admit(const UpdateTaker& taker, UpdateOffer offer) {
  if (!offer.accepted && taker.validator) {
    if (const Status valid = taker.validator(offer.args); !valid) {
      rejections_.push_back({std::move(offer.id), valid.error()});
      return;
    }
  }
  push(EventType::kWorkflowExecutionUpdateAccepted,
       {{"protocolInstanceId", offer.id},
        {"acceptedRequestMessageId", offer.id + "/request"},
        {"acceptedRequest",
         {{"meta", meta_of(offer.id)}, {"input", {{"name", offer.name}, {"args", offer.args}}}}}});
  adopt(update_task(*this, offer.id, taker.handler, std::move(offer.args)));
}

std::vector<UpdateRejection> Runtime::take_rejections() {
  for (const UpdateOffer& offer : std::exchange(offers_, {})) {
    rejections_.push_back({offer.id, Error(Code::kNotFound, "the run takes no update of this name")
                                         .with("update", offer.name)});
  }
  return std::exchange(rejections_, {});
}

}  // namespace holdfast::flow::detail

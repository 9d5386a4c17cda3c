// Updates on their way through a transition: offered to the code, answered from its commands, or
// taken back with the workflow task that was only for them.
#include "flow/embedded/engine_state.h"
#include "flow/embedded/flight.h"

namespace holdfast::flow::embedded {

void Transition::offer_updates(std::vector<detail::UpdateOffer> offers) {
  if (state_.open() && !offers.empty()) {
    only_for_updates_ = !task_wanted_;
    task_wanted_ = true;
    offers_ = std::move(offers);
  }
}

// A workflow task that was only to ask about updates, and whose code refused them all and did
// nothing else, has not happened.
bool Transition::take_back_if_refused(Execution& execution, std::size_t task_begin) {
  if (offers_.empty()) {
    return false;
  }
  std::vector<detail::UpdateRejection> refused = execution.take_rejections();
  const bool all = refused.size() == offers_.size();
  rejected = std::move(refused);
  offers_.clear();
  if (!all || !only_for_updates_ || !execution.commands().empty()) {
    return false;
  }
  state_.summary.history_length -= static_cast<std::int64_t>(events.size() - task_begin);
  events.resize(task_begin);
  host_.drop_execution();
  return true;
}

void Transition::carry_out_update(const Event& event) {
  if (event.type == EventType::kWorkflowExecutionUpdateAccepted) {
    const std::string id = text_at(event.attributes, "protocolInstanceId");
    state_.updates[id] = event.id;
    updates.push_back({id, event.id, std::nullopt});
  } else {
    const std::string id = text_at(object_at(event.attributes, "meta"), "updateId");
    state_.updates.erase(id);
    updates.push_back(
        {id, event_ref(event.attributes, "acceptedEventId"), event.attributes.at("outcome")});
  }
}

void Engine::State::gather_updates(Actor& actor, std::deque<Item>& items, Flight& flight,
                                   Transition& transition) {
  std::map<std::string, detail::UpdateOffer> offers;
  for (Item& item : items) {
    auto* update = std::get_if<UpdateRequest>(&item.what);
    if (update == nullptr) {
      continue;
    }
    const auto known = database_.read_blocking(
        [&](db::Connection& sql) { return find_update(sql, actor.id, update->offer.id); });
    if (!known || *known) {
      update->done(known ? Status() : Status(known.error()));
    } else if (!actor.state->open()) {
      update->done(run_closed(actor.state->summary));
    } else {
      flight.updates.emplace_back(update->offer.id, std::move(update->done));
      offers.try_emplace(update->offer.id, std::move(update->offer));
    }
  }
  std::vector<detail::UpdateOffer> list;
  for (auto& [id, offer] : offers) {
    list.push_back(std::move(offer));
  }
  transition.offer_updates(std::move(list));
}

}  // namespace holdfast::flow::embedded

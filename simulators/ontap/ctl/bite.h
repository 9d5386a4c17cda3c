// Scripted faults at one call: what happens before, instead of, and to its answer.
#pragma once

#include <optional>
#include <string>

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"

namespace holdfast::ontap_sim {

struct Bite {
  Nanoseconds delay = Nanoseconds(0);
  std::optional<net::HttpReply> instead;
  std::optional<std::size_t> cut;  // bytes of the body
  bool next_loop = false;          // the next link leads to the page itself
  bool partial = false;            // a list ends after its first record, with a next link
  std::string kind;                // of what bit, for the log
};

// Takes, and counts, every rule that bites at this call.
Bite take_bite(World& world, const Faults::Place& place);
// Changes the answer as the bite says; `target` is the call's own address.
void mangle(const Bite& bite, const std::string& target, net::HttpReply& reply);

}  // namespace holdfast::ontap_sim

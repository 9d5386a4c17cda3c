#include "simulators/ontap/ctl/bite.h"

#include "simulators/ontap/rest/dispatch.h"

namespace holdfast::ontap_sim {
namespace {

// What is answered without the call being made.
std::optional<net::HttpReply> refusal(World& world, const Faults::Place& place, std::string& kind) {
  if (place.route != "gateway" && world.faults().peek("down", place.cluster)) {
    kind = "down";
    net::HttpReply reply = fault_reply(Fault(503, 7, "down"));
    reply.cut_after = 0;  // on a connection that was open already
    return reply;
  }
  if (const auto rule = world.faults().take("unauthorized", place)) {
    kind = "unauthorized";
    return fault_reply(Fault(401, 6691623, "User is not authorized."));
  }
  if (const auto rule = world.faults().take("throttle", place)) {
    kind = "throttle";
    net::HttpReply reply = fault_reply(Fault(429, 262160, "Too many requests."));
    reply.headers["retry-after"] = std::to_string(int_at(rule->values, "retry_after", 1));
    return reply;
  }
  if (const auto rule = world.faults().take("error", place)) {
    kind = "error";
    return fault_reply(Fault(static_cast<int>(int_at(rule->values, "status", 500)),
                             int_at(rule->values, "code", 65541),
                             text_at(rule->values, "message", "An internal error occurred.")));
  }
  return std::nullopt;
}

}  // namespace

Bite take_bite(World& world, const Faults::Place& place) {
  Bite bite;
  if (const auto rule = world.faults().take("slow", place)) {
    bite.kind = "slow";
    bite.delay = std::chrono::milliseconds(int_at(rule->values, "milliseconds", 1000));
  }
  bite.instead = refusal(world, place, bite.kind);
  if (bite.instead) {
    return bite;
  }
  if (const auto rule = world.faults().take("cut", place)) {
    bite.kind = "cut";
    bite.cut = static_cast<std::size_t>(int_at(rule->values, "bytes", 10));
  }
  if (place.method == "GET" && world.faults().take("next_loop", place)) {
    bite.kind = "next_loop";
    bite.next_loop = true;
  }
  if (place.method == "GET" && world.faults().take("partial_list", place)) {
    bite.kind = "partial_list";
    bite.partial = true;
  }
  return bite;
}

void mangle(const Bite& bite, const std::string& target, net::HttpReply& reply) {
  if (bite.next_loop) {
    auto parsed = parse_json(reply.body);
    if (parsed && parsed->is_object() && parsed->as_object().contains("records")) {
      set(parsed->as_object(), "_links.next.href", Json(target));
      reply.body = to_text(*parsed);
      reply.headers["link"] = "<" + target + ">; rel=\"next\"";
    }
  }
  if (bite.cut) {
    reply.cut_after = std::min(*bite.cut, reply.body.size());
  }
}

}  // namespace holdfast::ontap_sim

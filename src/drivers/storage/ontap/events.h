// What clusters (EMS) and Unified Manager say has happened.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

struct StorageEvent {
  std::string id;      // EMS: node and index; Unified Manager: the event's key
  std::string source;  // "ems", "active-iq"
  std::string system;
  std::string cluster;
  std::string name;      // of the kind of event: callhome.arw.activity.seen
  std::string severity;  // as the source names it
  std::string text;
  std::string resource;  // what it is about
  std::string state;     // new, acknowledged, resolved, obsolete; EMS: empty
  std::string annotation;
  std::optional<UtcTime> time;
};

// Events of severity error and above since then, oldest first.
async::Co<Result<std::vector<StorageEvent>>> ems_events(ClusterPtr cluster, UtcTime since);
// Of Unified Manager: those that nobody has resolved.
async::Co<Result<std::vector<StorageEvent>>> open_events(std::shared_ptr<System> manager);

// kNotFound: no such event. Harmless to repeat.
async::Co<Status> acknowledge_event(std::shared_ptr<System> manager, std::string id,
                                    std::string user);
// A note at the event for whoever looks next; replaces the one that is there.
async::Co<Status> annotate_event(std::shared_ptr<System> manager, std::string id, std::string text);
async::Co<Status> resolve_event(std::shared_ptr<System> manager, std::string id, std::string user);

Json to_json(const StorageEvent& event);

}  // namespace holdfast::storage::ontap

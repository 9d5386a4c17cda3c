// Storage systems: adding, testing, removing, and what is on them.
#pragma once

#include <string>
#include <vector>

#include "domain/inventory/systems.h"
#include "domain/protect/services.h"

namespace holdfast::protect {

struct NewSystem {
  Json document;          // drivers/storage/ontap/endpoint.h
  SecretString password;  // kept in DIR/keys (0600); the document then names that file
  SecretString client_secret;
};

// Adds it, or replaces the one of this name. It need not answer now: test_system says whether it
// does. kInvalidArgument names every wrong field.
async::Co<Result<inventory::StoredSystem>> put_system(const Services& services, Caller caller,
                                                      NewSystem wanted);
// Whether a document could be put: kInvalidArgument names every wrong field.
async::Co<Status> check_system(const Services& services, Json document);
// kConflict: resources lie on its mounts.
async::Co<Result<inventory::StoredSystem>> remove_system(const Services& services, Caller caller,
                                                         std::string id_or_name);

// What can be asked of a system, by id or name; each answers JSON for people and programs.
async::Co<Result<Json>> test_system(const Services& services, std::string id_or_name);
async::Co<Result<Json>> system_inventory(const Services& services, std::string id_or_name);
// Space, efficiency and use in the last day: of the clusters and aggregates (Unified Manager's own
// figures, up to 15 minutes old, or the clusters'), and of the protected volumes and their groups.
async::Co<Result<Json>> system_capacity(const Services& services, std::string id_or_name);
async::Co<Result<Json>> system_events(const Services& services, std::string id_or_name);
// Made by others, or left behind by us; changes nothing.
async::Co<Result<Json>> system_findings(const Services& services, std::string id_or_name);
// Takes what others made into care; audited. `object` as findings name it: a snapshot
// (svm:volume/name) of a protected volume becomes a recovery point, and its name the point's id; a
// relationship (SOURCE -> DESTINATION) of one then carries the snapshots of Holdfast too. `cluster`
// says which, where several have the SVM. kNotFound: there is no such object; kFailedPrecondition:
// its volume is not protected.
async::Co<Result<Json>> adopt_object(const Services& services, Caller caller,
                                     std::string id_or_name, std::string object,
                                     std::string cluster);
// Removes clones and volumes of Holdfast that no run uses any more, and starts the splits of
// recovered volumes that are still clones again; audited.
async::Co<Result<Json>> clean_system(const Services& services, Caller caller,
                                     std::string id_or_name);
// In Unified Manager, as the caller; audited.
async::Co<Result<Json>> acknowledge_event(const Services& services, Caller caller,
                                          std::string id_or_name, std::string event);
async::Co<Result<Json>> annotate_event(const Services& services, Caller caller,
                                       std::string id_or_name, std::string event, std::string text);

// Tells the driver of every system in the catalog; one that cannot be used any more is logged and
// left out. Blocks.
Status load_systems(const ServerContext& server, const activities::DataContext& data);

}  // namespace holdfast::protect

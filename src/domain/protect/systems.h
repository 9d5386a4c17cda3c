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
async::Co<Result<Json>> system_events(const Services& services, std::string id_or_name);
// Made by others, or left behind by us; changes nothing.
async::Co<Result<Json>> system_findings(const Services& services, std::string id_or_name);
// In Unified Manager, as the caller; audited.
async::Co<Result<Json>> acknowledge_event(const Services& services, Caller caller,
                                          std::string id_or_name, std::string event);

// Tells the driver of every system in the catalog; one that cannot be used any more is logged and
// left out. Blocks.
Status load_systems(const ServerContext& server, const activities::DataContext& data);

}  // namespace holdfast::protect

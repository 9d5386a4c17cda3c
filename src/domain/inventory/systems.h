// The storage systems that the server knows, as rows: what their documents say, never their
// secrets; and what they have reported.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/db/database.h"

namespace holdfast::inventory {

struct StoredSystem {
  std::string id;  // sys_...
  std::string name;
  std::string type;  // ontap, active-iq
  Json document;     // as the driver decodes it; secrets are names of files
  UtcTime created_at;
  std::optional<UtcTime> asked_at{};  // when it was last looked at
  std::string problem{};              // why it could not be; empty: it answered
  std::optional<UtcTime> figures_at{};
  Json figures{};  // what it measured of itself at its last answer; null: none yet
};

// Something serious that a system reported and that is open.
struct SystemEvent {
  std::string id;
  std::string system;
  std::string cluster;
  std::string name;
  std::string severity;
  std::string text;
  std::string resource;
  std::optional<UtcTime> time;
};

db::Migrations system_migrations();

// Upsert by id; the name is unique.
Status put_system(db::Connection& sql, const StoredSystem& system);
Result<StoredSystem> find_system(db::Connection& sql, const std::string& id_or_name);
Result<std::vector<StoredSystem>> list_systems(db::Connection& sql);
Status remove_system(db::Connection& sql, const std::string& id);

// What the last look at a system found: its problem, or its figures and the events that are open
// now.
struct SystemLook {
  std::string system;
  std::string problem;
  std::vector<SystemEvent> open;
  Json figures;
};
// Answers the events that were not open before. Events that are no longer among the open ones are
// closed; those that closed before `forget` are deleted. A problem leaves figures and events alone.
Result<std::vector<SystemEvent>> note_look(db::Connection& sql, const SystemLook& look, UtcTime now,
                                           UtcTime forget);
Result<std::vector<SystemEvent>> open_system_events(db::Connection& sql);

}  // namespace holdfast::inventory

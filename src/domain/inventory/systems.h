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

// How full an aggregate was at the last look.
struct AggregateSpace {
  std::string system;
  std::string cluster;
  std::string name;
  std::int64_t size = 0;  // bytes
  std::int64_t used = 0;
  std::int64_t logical_used = 0;  // as if nothing were saved; 0: not told
  std::int64_t savings = 0;

  // Logical over physical; 0: not told.
  double efficiency() const {
    return logical_used <= savings
               ? 0.0
               : static_cast<double>(logical_used) / static_cast<double>(logical_used - savings);
  }
};

db::Migrations system_migrations();

// Upsert by id; the name is unique.
Status put_system(db::Connection& sql, const StoredSystem& system);
Result<StoredSystem> find_system(db::Connection& sql, const std::string& id_or_name);
Result<std::vector<StoredSystem>> list_systems(db::Connection& sql);
Status remove_system(db::Connection& sql, const std::string& id);

// What the last look at a system found: its problem, or the events that are open now. Answers those
// that were not open before. Events that are no longer among them are closed; those that closed
// before `forget` are deleted.
Result<std::vector<SystemEvent>> note_look(db::Connection& sql, const std::string& system,
                                           const std::string& problem,
                                           const std::vector<SystemEvent>& open, UtcTime now,
                                           UtcTime forget);
Result<std::vector<SystemEvent>> open_system_events(db::Connection& sql);

// What was seen of a system's aggregates; replaces what was seen before.
Status note_capacity(db::Connection& sql, const std::string& system,
                     const std::vector<AggregateSpace>& aggregates);
Result<std::vector<AggregateSpace>> list_capacity(db::Connection& sql);

}  // namespace holdfast::inventory

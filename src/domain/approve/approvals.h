// Approvals: a decision by a named person, bound to the hash of exactly what will be done.
//
// A pending approval ends by approve, deny, silence (after 24 hours it is denied as expired), or
// with the run that asked for it (withdrawn). Approving one's own request is allowed unless four
// eyes are asked for, and recorded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/db/database.h"
#include "domain/access/scope.h"

namespace holdfast::approve {

inline constexpr Nanoseconds kSilenceDenies = std::chrono::hours(24);

enum class ApprovalStatus { kPending, kApproved, kDenied, kExpired, kWithdrawn };
std::string_view status_name(ApprovalStatus status);

struct Approval {
  std::string id;  // apr_...
  std::string run_id;
  std::string workflow;
  ApprovalStatus status = ApprovalStatus::kPending;
  std::string summary;  // one sentence
  Json proposal;
  std::string proposal_hash;  // SHA-256 of the proposal's JSON text, hexadecimal
  bool four_eyes = false;
  std::string requested_by;  // id of the principal
  UtcTime requested_at;
  UtcTime expires_at;
  std::string decided_by;
  std::optional<UtcTime> decided_at;
  bool self_approval = false;
  std::string comment;
};

struct Decision {
  bool approved = false;
  std::string comment;
};

db::Migrations migrations();

// Writes a pending approval; writing the same id again changes nothing.
Status request(db::Connection& sql, const Approval& approval);
Result<Approval> find(db::Connection& sql, const std::string& id);
// The newest approval of a run, if it has one.
Result<std::optional<Approval>> of_run(db::Connection& sql, const std::string& run_id);
// Newest first; `status` empty: all. `after_id` is the last id of the previous page.
Result<std::vector<Approval>> list(db::Connection& sql, const std::string& status,
                                   const std::string& after_id, int limit);

// Decides. kConflict: it was decided or has expired; kPermissionDenied: four eyes are asked for and
// the decider is the requester.
Result<Approval> decide(db::Connection& sql, const std::string& id, const Decision& decision,
                        const access::Principal& who, UtcTime now);
// Ends a pending approval that nobody will decide any more, as kExpired or kWithdrawn; false when
// it was decided before.
Result<bool> end_undecided(db::Connection& sql, const std::string& id, ApprovalStatus how,
                           UtcTime now);

}  // namespace holdfast::approve

#include "domain/approve/approvals.h"

#include <fmt/core.h>

#include <array>

namespace holdfast::approve {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE approvals(
  id TEXT PRIMARY KEY, run_id TEXT NOT NULL, workflow TEXT NOT NULL, status TEXT NOT NULL,
  summary TEXT NOT NULL, proposal TEXT NOT NULL, proposal_hash TEXT NOT NULL,
  four_eyes INTEGER NOT NULL, requested_by TEXT NOT NULL, requested_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL, decided_by TEXT NOT NULL, decided_at INTEGER,
  self_approval INTEGER NOT NULL, comment TEXT NOT NULL) STRICT;
CREATE INDEX approvals_by_run ON approvals(run_id);
)sql";

constexpr std::array<std::string_view, 5> kNames{"pending", "approved", "denied", "expired",
                                                 "withdrawn"};

constexpr std::string_view kColumns =
    "id, run_id, workflow, status, summary, proposal, proposal_hash, four_eyes, requested_by, "
    "requested_at, expires_at, decided_by, decided_at, self_approval, comment";

Approval approval_from(const db::Row& row) {
  Approval approval;
  approval.id = row.text(0);
  approval.run_id = row.text(1);
  approval.workflow = row.text(2);
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == row.text(3)) {
      approval.status = static_cast<ApprovalStatus>(i);
    }
  }
  approval.summary = row.text(4);
  approval.proposal = parse_json(row.text(5)).value_or(Json());
  approval.proposal_hash = row.text(6);
  approval.four_eyes = row.boolean(7);
  approval.requested_by = row.text(8);
  approval.requested_at = row.time(9);
  approval.expires_at = row.time(10);
  approval.decided_by = row.text(11);
  approval.decided_at = row.optional_time(12);
  approval.self_approval = row.boolean(13);
  approval.comment = row.text(14);
  return approval;
}

}  // namespace

std::string_view status_name(ApprovalStatus status) {
  return kNames.at(static_cast<size_t>(status));
}

db::Migrations migrations() { return {{"approve", 1, std::string(kSchema)}}; }

Status request(db::Connection& sql, const Approval& approval) {
  HF_TRY_VOID(sql.exec(
      "INSERT INTO approvals(id, run_id, workflow, status, summary, proposal, proposal_hash, "
      "four_eyes, requested_by, requested_at, expires_at, decided_by, decided_at, self_approval, "
      "comment) VALUES (?1,?2,?3,'pending',?4,?5,?6,?7,?8,?9,?10,'',NULL,0,'') "
      "ON CONFLICT(id) DO NOTHING",
      approval.id, approval.run_id, approval.workflow, approval.summary, to_text(approval.proposal),
      approval.proposal_hash, approval.four_eyes, approval.requested_by, approval.requested_at,
      approval.expires_at));
  return {};
}

Result<Approval> find(db::Connection& sql, const std::string& id) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM approvals WHERE id = ?1", kColumns), id));
  if (!row) {
    return Error(Code::kNotFound,
                 fmt::format("there is no approval '{}': see 'holdfast approval list'", id));
  }
  return approval_from(*row);
}

Result<std::optional<Approval>> of_run(db::Connection& sql, const std::string& run_id) {
  HF_TRY(const auto row, sql.one(fmt::format("SELECT {} FROM approvals WHERE run_id = ?1 ORDER BY "
                                             "requested_at DESC LIMIT 1",
                                             kColumns),
                                 run_id));
  return row ? std::optional(approval_from(*row)) : std::nullopt;
}

Result<std::vector<Approval>> list(db::Connection& sql, const std::string& status,
                                   const std::string& after_id, int limit) {
  HF_TRY(
      const auto rows,
      sql.all(fmt::format("SELECT {} FROM approvals WHERE (?1 = '' OR status = ?1) AND (?2 = '' OR "
                          "(requested_at, id) < (SELECT requested_at, id FROM approvals WHERE id = "
                          "?2)) ORDER BY requested_at DESC, id DESC LIMIT ?3",
                          kColumns),
              status, after_id, limit));
  std::vector<Approval> approvals;
  for (const db::Row& row : rows) {
    approvals.push_back(approval_from(row));
  }
  return approvals;
}

Result<Approval> decide(db::Connection& sql, const std::string& id, const Decision& decision,
                        const access::Principal& who, UtcTime now) {
  HF_TRY(Approval approval, find(sql, id));
  if (approval.status != ApprovalStatus::kPending || now >= approval.expires_at) {
    const auto status =
        approval.status == ApprovalStatus::kPending ? ApprovalStatus::kExpired : approval.status;
    return Error(Code::kConflict, fmt::format("the approval is already {}", status_name(status)))
        .with("approval", id);
  }
  approval.self_approval = who.id == approval.requested_by;
  if (approval.self_approval && approval.four_eyes) {
    return Error(Code::kPermissionDenied,
                 "this approval asks for four eyes: somebody else has to decide")
        .with("approval", id);
  }
  approval.status = decision.approved ? ApprovalStatus::kApproved : ApprovalStatus::kDenied;
  approval.decided_by = who.id;
  approval.decided_at = now;
  approval.comment = decision.comment;
  HF_TRY_VOID(sql.exec(
      "UPDATE approvals SET status = ?2, decided_by = ?3, decided_at = ?4, self_approval = ?5, "
      "comment = ?6 WHERE id = ?1",
      id, status_name(approval.status), approval.decided_by, now, approval.self_approval,
      approval.comment));
  return approval;
}

Result<bool> end_undecided(db::Connection& sql, const std::string& id, ApprovalStatus how,
                           UtcTime now) {
  HF_TRY(const std::int64_t changed,
         sql.exec("UPDATE approvals SET status = ?2, decided_at = ?3 WHERE id = ?1 AND "
                  "status = 'pending'",
                  id, status_name(how), now));
  return changed > 0;
}

}  // namespace holdfast::approve

#include "domain/recover/approvals_service.h"

#include "core/audit/audit.h"

namespace holdfast::recover {
namespace {

using approve::Approval;
using approve::ApprovalStatus;

// Decides, or finds the same decision already recorded for the same person.
Result<Approval> decide_or_repeat(db::Connection& sql, const std::string& id,
                                  const approve::Decision& decision, const access::Principal& who,
                                  UtcTime now) {
  HF_TRY(const Approval before, approve::find(sql, id));
  const auto wanted = decision.approved ? ApprovalStatus::kApproved : ApprovalStatus::kDenied;
  if (before.status == wanted && before.decided_by == who.id) {
    return before;
  }
  return approve::decide(sql, id, decision, who, now);
}

}  // namespace

async::Co<Result<Approval>> decide_approval(const protect::Services& services,
                                            protect::Caller caller, std::string id,
                                            approve::Decision decision) {
  const protect::ServerContext* server = &services.server;
  HF_CO_TRY(const Approval decided,
            co_await server->db.write([=](db::Connection& sql) -> Result<Approval> {
              const UtcTime now = server->clock.now();
              HF_TRY(Approval approval, decide_or_repeat(sql, id, decision, caller.principal, now));
              audit::Change change;
              change.actor = caller.principal.name;
              change.action = decision.approved ? "approval.approved" : "approval.denied";
              change.target = id;
              change.request_id = caller.request_id;
              change.detail = approval.self_approval ? "own request" : "";
              change.payload_hash = approval.proposal_hash;
              change.at = now;
              HF_TRY_VOID(status_of(audit::append(sql, change)));
              return approval;
            }));
  Json signal = JsonObject{
      {"approval", decided.id},      {"approved", decided.status == ApprovalStatus::kApproved},
      {"by", caller.principal.name}, {"self_approval", decided.self_approval},
      {"comment", decided.comment},  {"proposal_hash", decided.proposal_hash}};
  const Status signalled = co_await services.flow.signal(
      flow::ref(flow::WorkflowId(decided.run_id)), "decision", signal, decided.id);
  // A run that ended meanwhile (cancelled, say) no longer waits: the decision stands in the record.
  if (!signalled && signalled.error().code() != Code::kFailedPrecondition) {
    co_return signalled.error();
  }
  co_return decided;
}

}  // namespace holdfast::recover

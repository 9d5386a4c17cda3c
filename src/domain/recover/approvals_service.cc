#include "domain/recover/approvals_service.h"

#include "domain/protect/noted.h"

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
              HF_TRY(Approval approval,
                     decide_or_repeat(sql, id, decision, caller.principal, server->clock.now()));
              HF_TRY_VOID(protect::note(
                  sql, *server, caller,
                  {.action = decision.approved ? "approval.approved" : "approval.denied",
                   .target = id,
                   .detail = approval.self_approval ? "own request" : "",
                   .payload_hash = approval.proposal_hash}));
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

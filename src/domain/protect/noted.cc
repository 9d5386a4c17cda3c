#include "domain/protect/noted.h"

#include "core/audit/audit.h"

namespace holdfast::protect {

std::string hash_of(const Json& payload) { return audit::payload_hash(to_text(payload)); }

Status note(db::Connection& sql, const ServerContext& server, const Caller& caller, Noted what) {
  audit::Change change;
  change.actor = caller.principal.name;
  change.action = std::move(what.action);
  change.target = std::move(what.target);
  change.request_id = caller.request_id;
  change.detail = std::move(what.detail);
  change.payload_hash = std::move(what.payload_hash);
  change.at = server.clock.now();
  return status_of(audit::append(sql, change));
}

}  // namespace holdfast::protect

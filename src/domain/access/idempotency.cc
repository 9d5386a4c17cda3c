#include "domain/access/idempotency.h"

namespace holdfast::access {

Result<std::optional<StoredAnswer>> stored_answer(db::Connection& sql, const std::string& principal,
                                                  const std::string& key,
                                                  const std::string& request_hash) {
  HF_TRY(const auto row,
         sql.one("SELECT request_hash, status, body FROM idempotency_keys WHERE principal = ?1 AND "
                 "key = ?2",
                 principal, key));
  if (!row) {
    return std::optional<StoredAnswer>();
  }
  if (row->text(0) != request_hash) {
    return Error(Code::kConflict,
                 "this Idempotency-Key was used for another request: choose a new one");
  }
  return std::optional(StoredAnswer{static_cast<int>(row->integer(1)), row->text(2)});
}

Status store_answer(db::Connection& sql, const std::string& principal, const std::string& key,
                    const std::string& request_hash, const StoredAnswer& answer, UtcTime now) {
  HF_TRY_VOID(
      sql.exec("DELETE FROM idempotency_keys WHERE created_at < ?1", now - kIdempotencyTime));
  HF_TRY_VOID(sql.exec(
      "INSERT INTO idempotency_keys(principal, key, request_hash, status, body, created_at) VALUES "
      "(?1,?2,?3,?4,?5,?6) ON CONFLICT DO NOTHING",
      principal, key, request_hash, answer.status, answer.body, now));
  return {};
}

}  // namespace holdfast::access

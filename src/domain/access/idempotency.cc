#include "domain/access/idempotency.h"

namespace holdfast::access {
namespace {

// The status of a key that is taken and not answered; its body is the token.
constexpr int kReserved = 0;

}  // namespace

Result<Reservation> reserve_key(db::Connection& sql, const std::string& principal,
                                const std::string& key, const std::string& request_hash,
                                const std::string& token, UtcTime now) {
  HF_TRY_VOID(
      sql.exec("DELETE FROM idempotency_keys WHERE created_at < ?1", now - kIdempotencyTime));
  HF_TRY(const auto row,
         sql.one("SELECT request_hash, status, body FROM idempotency_keys WHERE principal = ?1 AND "
                 "key = ?2",
                 principal, key));
  const int status = row ? static_cast<int>(row->integer(1)) : kReserved;
  const bool same = row && row->text(0) == request_hash;
  if (status != kReserved && !same) {
    return Error(Code::kConflict,
                 "this Idempotency-Key was used for another request: choose a new one");
  }
  if (status != kReserved) {
    return Reservation{StoredAnswer{status, row->text(2)}, ""};
  }
  if (same) {
    return Reservation{std::nullopt, row->text(2)};
  }
  HF_TRY_VOID(sql.exec(
      "INSERT INTO idempotency_keys(principal, key, request_hash, status, body, created_at) VALUES "
      "(?1,?2,?3,?4,?5,?6) ON CONFLICT(principal, key) DO UPDATE SET request_hash = ?3, body = ?5",
      principal, key, request_hash, kReserved, token, now));
  return Reservation{std::nullopt, token};
}

Status store_answer(db::Connection& sql, const std::string& principal, const std::string& key,
                    const StoredAnswer& answer) {
  HF_TRY_VOID(sql.exec(
      "UPDATE idempotency_keys SET status = ?3, body = ?4 WHERE principal = ?1 AND key = ?2 AND "
      "status = ?5",
      principal, key, answer.status, answer.body, kReserved));
  return {};
}

}  // namespace holdfast::access

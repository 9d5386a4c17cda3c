// Idempotency keys: the same key with the same request gives the first answer again.
#pragma once

#include <optional>
#include <string>

#include "core/db/database.h"

namespace holdfast::access {

inline constexpr Nanoseconds kIdempotencyTime = std::chrono::hours(24);

struct StoredAnswer {
  int status = 0;
  std::string body;
};

// What a key stands for: the answer that was given under it, or else the token of the work that an
// earlier request began, so that this one goes on with the same work instead of doing it twice.
struct Reservation {
  std::optional<StoredAnswer> answer;
  std::string token;
};

// Takes (principal, key) for a request before its work begins. `token` becomes the work's, unless
// the same request took the key before and got no answer: then the earlier token comes back.
// kConflict: another request was answered under this key. Keys older than kIdempotencyTime go.
Result<Reservation> reserve_key(db::Connection& sql, const std::string& principal,
                                const std::string& key, const std::string& request_hash,
                                const std::string& token, UtcTime now);
// Keeps the answer of a reserved request; the first one stays.
Status store_answer(db::Connection& sql, const std::string& principal, const std::string& key,
                    const StoredAnswer& answer);

}  // namespace holdfast::access

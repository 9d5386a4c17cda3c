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

// The answer kept for (principal, key), if any. kConflict when it belonged to another request: the
// key is used up.
Result<std::optional<StoredAnswer>> stored_answer(db::Connection& sql, const std::string& principal,
                                                  const std::string& key,
                                                  const std::string& request_hash);
// Keeps an answer; the first one stays. Answers older than kIdempotencyTime go.
Status store_answer(db::Connection& sql, const std::string& principal, const std::string& key,
                    const std::string& request_hash, const StoredAnswer& answer, UtcTime now);

}  // namespace holdfast::access

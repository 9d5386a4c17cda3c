// The audit log: one row for every change, written in the transaction of the change.
//
// Functions on a connection, so that a change and its row are one closure of Database::write():
// both happen or neither. Rows are only ever added. Each carries the hash of the one before it, so
// that a row that was edited, removed or moved is found by verify(). The chain alone cannot show
// that its newest rows were cut off: compare verify()'s head with one that was noted elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/db/database.h"

namespace holdfast::audit {

db::Migrations migrations();

// What happened. No field may hold a secret or the content of protected data.
struct Change {
  std::string actor;         // the name of the key or of the part of Holdfast that acted
  std::string action;        // dotted, e.g. "policy.updated"
  std::string target;        // the id of what was changed
  std::string request_id;    // of the request or run that asked; may be empty
  std::string detail;        // one line for people; may be empty
  std::string payload_hash;  // of what was asked, from payload_hash(); may be empty
  UtcTime at;
};

struct Entry {
  std::int64_t id = 0;  // 1, 2, 3, ... without gaps
  Change change;
  std::string hash;  // hex, over this row and the hash before it
};

// Lower-case hex SHA-256 of a request body or document.
std::string payload_hash(std::string_view payload);

// Adds one row; call it inside the closure that makes the change. kInvalidArgument without an actor
// or an action, or with a field longer than 4 KiB.
Result<Entry> append(db::Connection& sql, const Change& change);

struct Query {
  std::optional<std::int64_t> before;  // keyset: the last id of the previous page
  std::string target;                  // empty: all
  int limit = 100;
};
// Newest first.
Result<std::vector<Entry>> list(db::Connection& sql, const Query& query);

struct Head {
  std::int64_t entries = 0;
  std::string hash;  // of the newest row; of the empty log: 64 zeros
};
// Reads every row and recomputes the chain, holding one row at a time. kDataLoss names the first
// row that does not fit.
Result<Head> verify(db::Connection& sql);

}  // namespace holdfast::audit

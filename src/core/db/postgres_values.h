// Values and errors between this room and libpq. For the postgres_*.cc files.
#pragma once

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/db/postgres_wire.h"

namespace holdfast::db {

struct ClearResult {
  void operator()(PGresult* result) const { PQclear(result); }
};
using PostgresResult = std::unique_ptr<PGresult, ClearResult>;

// Parameters as libpq takes them; they point into the values and texts they were made from.
struct PostgresParameters {
  explicit PostgresParameters(const Values& values);

  std::vector<Oid> types;
  std::vector<std::string> texts;  // of numbers
  std::vector<const char*> data;
  std::vector<int> lengths;
  std::vector<int> formats;
};

// kInvalidArgument: a text with a NUL byte, which PostgreSQL cannot hold.
Status check_texts(const Values& values);

PostgresAnswer answer_of(PGresult* result);

// The error that the server told; its SQLSTATE decides code and retry class.
Error postgres_error(const PGresult* result, std::string_view sql);
// Whether the server said with it that it ends the connection.
bool ends_connection(const PGresult* result);

// The error of a connection that is no more; `why` is libpq's word, without a secret.
Error postgres_lost(std::string_view why);

}  // namespace holdfast::db

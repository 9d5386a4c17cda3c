#include "domain/protect/lease.h"

namespace holdfast::protect {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE leases(name TEXT PRIMARY KEY, holder TEXT NOT NULL, until INTEGER NOT NULL) STRICT;
)sql";

}  // namespace

db::Migrations lease_migrations() { return {{"lease", 1, std::string(kSchema)}}; }

Result<bool> take_lease(db::Connection& sql, const std::string& name, const std::string& holder,
                        UtcTime now, UtcTime until) {
  HF_TRY(
      const std::int64_t taken,
      sql.exec(
          "INSERT INTO leases(name, holder, until) VALUES (?1,?2,?3) ON CONFLICT(name) DO UPDATE "
          "SET holder = excluded.holder, until = excluded.until WHERE leases.holder = ?2 OR "
          "leases.until <= ?4",
          name, holder, until, now));
  return taken > 0;
}

Status release_lease(db::Connection& sql, const std::string& name, const std::string& holder) {
  HF_TRY_VOID(sql.exec("DELETE FROM leases WHERE name = ?1 AND holder = ?2", name, holder));
  return {};
}

}  // namespace holdfast::protect

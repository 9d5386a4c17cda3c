#include <set>

#include <fmt/core.h>

#include "core/db/session.h"

namespace holdfast::db {
namespace {

// FNV-1a, 64 bits: finds a step that was edited after its release; it is no protection.
std::string checksum(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  }
  return fmt::format("{:016x}", hash);
}

using Step = std::pair<std::string, int>;

Result<std::set<Step>> applied_steps(Connection& connection, const Migrations& known) {
  HF_TRY(const auto rows,
         connection.all("SELECT room, version, checksum FROM schema_steps ORDER BY room, version"));
  std::set<Step> applied;
  for (const Row& row : rows) {
    const Step step(row.text(0), static_cast<int>(row.integer(1)));
    const auto found = std::ranges::find_if(known, [&step](const Migration& migration) {
      return Step(migration.room, migration.version) == step;
    });
    if (found == known.end()) {
      return Error(Code::kFailedPrecondition,
                   "the state database was written by a newer version of Holdfast; start that "
                   "version, or restore the state from before the upgrade")
          .with("schema", fmt::format("{} {}", step.first, step.second));
    }
    if (checksum(found->sql) != row.text(2)) {
      return Error(Code::kFailedPrecondition,
                   "a schema step of the state database differs from the one in this program")
          .with("schema", fmt::format("{} {}", step.first, step.second));
    }
    applied.insert(step);
  }
  return applied;
}

Status apply(Connection& connection, const Migration& migration) {
  Session& session = connection.session();
  HF_TRY_VOID(session.begin());
  Status done = connection.script(migration.sql);
  if (done) {
    done = status_of(
        connection.exec("INSERT INTO schema_steps(room, version, checksum) VALUES (?1, ?2, ?3)",
                        migration.room, migration.version, checksum(migration.sql)));
  }
  if (done) {
    done = session.commit();
  }
  if (!done) {
    session.rollback();
    return std::move(done).error().with("schema",
                                        fmt::format("{} {}", migration.room, migration.version));
  }
  return {};
}

}  // namespace

Status migrate(Connection& connection, const Migrations& migrations) {
  HF_TRY_VOID(
      connection.script("CREATE TABLE IF NOT EXISTS schema_steps("
                        "room TEXT NOT NULL, version INTEGER NOT NULL, checksum TEXT NOT NULL, "
                        "PRIMARY KEY (room, version)) STRICT"));
  HF_TRY(const auto applied, applied_steps(connection, migrations));
  for (const Migration& migration : migrations) {
    const Step step(migration.room, migration.version);
    if (!applied.contains(step)) {
      HF_TRY_VOID(apply(connection, migration));
    }
  }
  return {};
}

}  // namespace holdfast::db

#include "domain/access/keys.h"

#include <fmt/core.h>

#include "core/crypto/digest.h"

namespace holdfast::access {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE api_keys(
  id TEXT PRIMARY KEY, name TEXT NOT NULL, hash TEXT NOT NULL UNIQUE, scopes TEXT NOT NULL,
  created_at INTEGER NOT NULL, revoked_at INTEGER) STRICT;
CREATE TABLE idempotency_keys(
  principal TEXT NOT NULL, key TEXT NOT NULL, request_hash TEXT NOT NULL, status INTEGER NOT NULL,
  body TEXT NOT NULL, created_at INTEGER NOT NULL, PRIMARY KEY(principal, key)) STRICT;
)sql";

constexpr std::string_view kAgents = R"sql(
CREATE TABLE agents(
  id TEXT PRIMARY KEY, name TEXT NOT NULL, labels TEXT NOT NULL, key_id TEXT NOT NULL UNIQUE,
  version TEXT NOT NULL, host TEXT NOT NULL, address TEXT NOT NULL, repositories TEXT NOT NULL,
  created_at INTEGER NOT NULL, last_seen_at INTEGER, removed_at INTEGER) STRICT;
CREATE UNIQUE INDEX agents_by_name ON agents(name) WHERE removed_at IS NULL;
CREATE TABLE server_secrets(name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
)sql";

constexpr std::string_view kColumns = "id, name, scopes, created_at, revoked_at";

std::string hash_of(std::string_view text) { return crypto::sha256_hex(as_bytes(text)); }

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

Result<Scopes> split_scopes(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::string_view name = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), name.size() + 1));
    names.emplace_back(name);
  }
  return Scopes::from_names(names);
}

Result<ApiKey> key_from(const db::Row& row) {
  ApiKey key;
  key.id = row.text(0);
  key.name = row.text(1);
  HF_TRY(key.scopes, split_scopes(row.text(2)));
  key.created_at = row.time(3);
  key.revoked_at = row.optional_time(4);
  return key;
}

}  // namespace

db::Migrations migrations() {
  return {{"access", 1, std::string(kSchema)}, {"access", 2, std::string(kAgents)}};
}

SecretString make_key_text(env::Random& random) {
  std::array<std::uint8_t, 32> bytes{};
  random.fill(bytes);
  return SecretString("hfk_" + to_base64url(bytes));
}

Result<ApiKey> add_key(db::Connection& sql, const ApiKey& key, const SecretString& text) {
  HF_TRY(const auto same,
         sql.one("SELECT id FROM api_keys WHERE name = ?1 AND revoked_at IS NULL", key.name));
  if (same) {
    return Error(Code::kAlreadyExists,
                 fmt::format("there is an API key named '{}': revoke it first", key.name));
  }
  HF_TRY_VOID(
      sql.exec("INSERT INTO api_keys(id, name, hash, scopes, created_at) VALUES (?1,?2,?3,?4,?5)",
               key.id, key.name, hash_of(text.expose()), join(key.scopes.names()), key.created_at));
  return key;
}

Result<std::vector<ApiKey>> list_keys(db::Connection& sql) {
  HF_TRY(const auto rows,
         sql.all(fmt::format("SELECT {} FROM api_keys ORDER BY created_at, id", kColumns)));
  std::vector<ApiKey> keys;
  for (const db::Row& row : rows) {
    HF_TRY(ApiKey key, key_from(row));
    keys.push_back(std::move(key));
  }
  return keys;
}

Result<ApiKey> revoke_key(db::Connection& sql, const std::string& id_or_name, UtcTime now) {
  HF_TRY(const auto row,
         sql.one(fmt::format("SELECT {} FROM api_keys WHERE id = ?1 OR (name = ?1 AND "
                             "revoked_at IS NULL)",
                             kColumns),
                 id_or_name));
  if (!row) {
    return Error(Code::kNotFound, fmt::format("there is no API key '{}'", id_or_name));
  }
  HF_TRY(ApiKey key, key_from(*row));
  key.revoked_at = key.revoked_at.value_or(now);
  HF_TRY_VOID(
      sql.exec("UPDATE api_keys SET revoked_at = ?2 WHERE id = ?1", key.id, key.revoked_at));
  return key;
}

Result<Principal> authenticate(db::Connection& sql, std::string_view text) {
  HF_TRY(const auto row,
         sql.one("SELECT id, name, scopes FROM api_keys WHERE hash = ?1 AND revoked_at IS NULL",
                 hash_of(text)));
  if (!row) {
    return Error(Code::kUnauthenticated,
                 "the API key is not valid: set HOLDFAST_TOKEN to a key of this server");
  }
  HF_TRY(const Scopes scopes, split_scopes(row->text(2)));
  return Principal{row->text(0), row->text(1), scopes};
}

}  // namespace holdfast::access

#include "daemon/owner_key.h"

#include <fmt/core.h>

#include "core/audit/audit.h"
#include "daemon/data_dir.h"
#include "domain/access/keys.h"

namespace holdfast::daemon {
namespace {

constexpr const char* kOwner = "owner";

}  // namespace

Status ensure_owner_key(db::Database& database, env::Clock& clock, env::Random& random,
                        const std::string& data_dir, bool reset, const std::string& server) {
  HF_TRY(SecretString token, read_token(data_dir));
  if (!token.empty() && !reset) {
    const auto known = database.read_blocking(
        [&token](db::Connection& sql) { return access::authenticate(sql, token.expose()); });
    if (known || known.error().code() != Code::kUnauthenticated) {
      return status_of(known);
    }
  } else {
    token = access::make_key_text(random);
    HF_TRY_VOID(write_token(data_dir, token));
  }
  access::ApiKey key;
  key.id = random.new_id("key_", clock.now());
  key.name = server.empty() ? kOwner : fmt::format("{} on {}", kOwner, server);
  key.scopes = access::Scopes{access::Scope::kAdmin};
  key.created_at = clock.now();
  audit::Change change;
  change.actor = "server";
  change.action = reset ? "key.reset" : "key.created";
  change.target = key.id;
  change.detail = "the owner's key";
  change.at = key.created_at;
  return database.write_blocking([&](db::Connection& sql) -> Status {
    const auto old = access::revoke_key(sql, key.name, key.created_at);
    if (!old && old.error().code() != Code::kNotFound) {
      return old.error();
    }
    HF_TRY_VOID(status_of(access::add_key(sql, key, token)));
    return status_of(audit::append(sql, change));
  });
}

}  // namespace holdfast::daemon

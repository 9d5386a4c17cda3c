// API keys: made once shown once, hashed at rest.
//
// A key's text is hfk_ and 256 random bits in base64url. The database holds its SHA-256: a random
// key of this length needs no slow hash.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/secret.h"
#include "core/db/database.h"
#include "core/env/random.h"
#include "domain/access/scope.h"

namespace holdfast::access {

db::Migrations migrations();

struct ApiKey {
  std::string id;  // key_...
  std::string name;
  Scopes scopes;
  UtcTime created_at;
  std::optional<UtcTime> revoked_at;
};

struct NewKey {
  ApiKey key;
  SecretString text;
};

// The text of a new key; store it with add_key.
SecretString make_key_text(env::Random& random);
// kAlreadyExists: an unrevoked key of this name is there.
Result<ApiKey> add_key(db::Connection& sql, const ApiKey& key, const SecretString& text);
Result<std::vector<ApiKey>> list_keys(db::Connection& sql);
// kNotFound: no such key. Revoking twice is harmless.
Result<ApiKey> revoke_key(db::Connection& sql, const std::string& id_or_name, UtcTime now);

// Who holds this key. kUnauthenticated for an unknown or revoked one; the message does not say
// which.
Result<Principal> authenticate(db::Connection& sql, std::string_view text);

}  // namespace holdfast::access

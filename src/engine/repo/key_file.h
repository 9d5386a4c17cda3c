// Key files: the repository's master key, sealed under a key derived from a password.
#pragma once

#include <string>
#include <string_view>

#include "core/base/secret.h"
#include "core/base/time.h"
#include "core/crypto/key_derivation.h"
#include "core/crypto/sealed_box.h"

namespace holdfast::repo {

struct KeyFile {
  UtcTime created;
  std::string username;
  std::string hostname;
  crypto::ScryptCost cost;
  Buffer salt;
  Buffer data;  // box of the master key's JSON
};

std::string to_json(const KeyFile& file);
// kDataLoss when it is none; kFailedPrecondition for another derivation than scrypt.
Result<KeyFile> key_file_from_json(std::string_view text);

// Seals `master` under `password` with a fresh salt.
Result<KeyFile> seal_key(const crypto::BoxKey& master, const SecretString& password,
                         const crypto::ScryptCost& cost, env::Random& random);
// kWrongPassword when the password does not open this file.
Result<crypto::BoxKey> open_key(const KeyFile& file, const SecretString& password);

}  // namespace holdfast::repo

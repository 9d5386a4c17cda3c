// Master keys that this process has opened before.
//
// A password is turned into a key by scrypt, which costs half a second on purpose; a server that
// opens its repositories for every step of a run pays that once per key file. What is remembered
// hangs on the exact bytes of the key file and on the password, so a key file that was removed or
// replaced, and a password that was changed, are asked again.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "core/base/secret.h"
#include "core/crypto/digest.h"
#include "core/crypto/sealed_box.h"

namespace holdfast::repo {

// May be used from any thread.
class OpenedKeys {
 public:
  // The master key that `password` opened in a key file of these bytes, if it did before.
  std::optional<crypto::BoxKey> find(ByteSpan key_file, const SecretString& password) const;
  void remember(ByteSpan key_file, const SecretString& password, const crypto::BoxKey& master);

 private:
  mutable std::mutex mutex_;
  std::map<crypto::Digest, crypto::BoxKey> masters_;
};

}  // namespace holdfast::repo

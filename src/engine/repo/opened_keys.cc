#include "engine/repo/opened_keys.h"

#include "core/crypto/hmac.h"

namespace holdfast::repo {
namespace {

crypto::Digest name_of(ByteSpan key_file, const SecretString& password) {
  return crypto::hmac_sha256(as_bytes(password.expose()), key_file);
}

}  // namespace

std::optional<crypto::BoxKey> OpenedKeys::find(ByteSpan key_file,
                                               const SecretString& password) const {
  const std::lock_guard lock(mutex_);
  const auto found = masters_.find(name_of(key_file, password));
  return found == masters_.end() ? std::nullopt : std::optional(found->second);
}

void OpenedKeys::remember(ByteSpan key_file, const SecretString& password,
                          const crypto::BoxKey& master) {
  const std::lock_guard lock(mutex_);
  masters_.insert_or_assign(name_of(key_file, password), master);
}

}  // namespace holdfast::repo

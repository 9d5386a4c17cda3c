#include "engine/repo/key_file.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/json.h"
#include "engine/repo/go_text.h"

namespace holdfast::repo {
namespace {

constexpr std::size_t kSaltSize = 64;

Result<crypto::BoxKey> derive(const SecretString& password, const KeyFile& file) {
  HF_TRY(const Buffer bytes, crypto::scrypt(password, file.salt, file.cost, 64));
  std::array<std::uint8_t, 64> fixed{};
  std::copy(bytes.begin(), bytes.end(), fixed.begin());
  return crypto::BoxKey::from_bytes(fixed);
}

std::string master_json(const crypto::BoxKey& key) {
  return fmt::format(R"({{"mac":{{"k":"{}","r":"{}"}},"encrypt":"{}"}})", to_base64(key.mac_k),
                     to_base64(key.mac_r), to_base64(key.encrypt));
}

template <std::size_t N>
Status fill_from(const Json& value, std::string_view field, std::array<std::uint8_t, N>& into) {
  HF_TRY(const Buffer bytes, from_base64(get_string(value, field)));
  if (bytes.size() != N) {
    return Error(Code::kDataLoss, "the master key of the repository has a wrong length");
  }
  std::copy(bytes.begin(), bytes.end(), into.begin());
  return {};
}

}  // namespace

std::string to_json(const KeyFile& file) {
  return fmt::format(
      R"({{"created":"{}","username":{},"hostname":{},"kdf":"scrypt","N":{},"r":{},"p":{},"salt":"{}","data":"{}"}})",
      to_rfc3339(file.created), json_string(file.username), json_string(file.hostname), file.cost.n,
      file.cost.r, file.cost.p, to_base64(file.salt), to_base64(file.data));
}

Result<KeyFile> key_file_from_json(std::string_view text) {
  const auto json = parse_json(text, 1u << 20);
  if (!json || !json->is_object()) {
    return Error(Code::kDataLoss, "a key file of the repository is not valid JSON");
  }
  if (get_string(*json, "kdf") != "scrypt") {
    return Error(Code::kFailedPrecondition,
                 "a key file uses a key derivation that this program does not know");
  }
  KeyFile file;
  const auto created = parse_rfc3339(get_string(*json, "created"));
  file.created = created ? *created : UtcTime();
  file.username = get_string(*json, "username");
  file.hostname = get_string(*json, "hostname");
  file.cost.n = static_cast<std::uint64_t>(get_int(*json, "N"));
  file.cost.r = static_cast<std::uint32_t>(get_int(*json, "r"));
  file.cost.p = static_cast<std::uint32_t>(get_int(*json, "p"));
  const auto salt = from_base64(get_string(*json, "salt"));
  const auto data = from_base64(get_string(*json, "data"));
  if (!salt || !data) {
    return Error(Code::kDataLoss, "a key file of the repository is damaged");
  }
  file.salt = *salt;
  file.data = *data;
  return file;
}

Result<KeyFile> seal_key(const crypto::BoxKey& master, const SecretString& password,
                         const crypto::ScryptCost& cost, env::Random& random) {
  KeyFile file;
  file.cost = cost;
  file.salt = crypto::random_bytes(random, kSaltSize);
  HF_TRY(const crypto::BoxKey wrapping, derive(password, file));
  crypto::seal(wrapping, random, as_bytes(master_json(master)), file.data);
  return file;
}

Result<crypto::BoxKey> open_key(const KeyFile& file, const SecretString& password) {
  HF_TRY(const crypto::BoxKey wrapping, derive(password, file));
  const auto plain = crypto::open(wrapping, file.data);
  if (!plain) {
    return Error(Code::kWrongPassword, "the password does not open this repository");
  }
  HF_TRY(const Json json, parse_json(as_text(*plain)));
  const Json* mac = find(json, "mac");
  if (mac == nullptr) {
    return Error(Code::kDataLoss, "the master key of the repository is incomplete");
  }
  crypto::BoxKey key;
  HF_TRY_VOID(fill_from(json, "encrypt", key.encrypt));
  HF_TRY_VOID(fill_from(*mac, "k", key.mac_k));
  HF_TRY_VOID(fill_from(*mac, "r", key.mac_r));
  return key;
}

}  // namespace holdfast::repo

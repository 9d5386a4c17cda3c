// One storage system as an operator describes it: where it answers, how to log in, what is mounted.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/secret.h"
#include "core/net/http_client.h"

namespace holdfast::storage::ontap {

enum class SystemKind { kCluster, kUnifiedManager };
std::string_view kind_name(SystemKind kind);  // "ontap", "active-iq"

enum class Login { kBasic, kOAuth2, kCertificate };

// OAuth2 client credentials (RFC 6749, 4.4); ONTAP takes bearer tokens from 9.14 on.
struct OAuth2 {
  std::string token_url;
  std::string client_id;
  SecretString client_secret;
  std::string scope;    // empty: none asked for
  std::string ca_file;  // of the authorization server
};

struct Endpoint {
  std::string name;
  SystemKind kind = SystemKind::kCluster;
  std::string base_url;  // https://HOST[:PORT]
  Login login = Login::kBasic;
  std::string user;
  SecretString password;
  OAuth2 oauth2;
  net::TlsOptions tls;
  // "svm:/junction" or "cluster/svm:/junction" to the local directory where it is mounted.
  std::map<std::string, std::string> mounts;
  int max_requests = 8;    // at a time, for each cluster
  int return_timeout = 5;  // seconds that a write waits for its job; what takes longer is polled
};

// Reads the file of a secret; a line end after it does not count.
using ReadSecret = std::function<Result<SecretString>(const std::string& file)>;

// Decodes a system's document:
//
//   kind: system             # or absent
//   name: east
//   type: ontap              # or active-iq
//   address: https://cluster.example.com
//   user: holdfast           # basic: user and password_file
//   password_file: /etc/holdfast/east.password
//   oauth2: {token_url: ..., client_id: ..., client_secret_file: ..., scope: ..., ca_file: ...}
//   certificate: {cert_file: ..., key_file: ...}
//   tls: {ca_file: ..., pin: SHA256, insecure: false}
//   mounts: {"svm1:/vol1": /mnt/vol1}
//   max_requests: 8
//
// Exactly one way to log in. All problems come as one kInvalidArgument with JSON pointers.
Result<Endpoint> decode_endpoint(const Json& document, const ReadSecret& read_secret);

}  // namespace holdfast::storage::ontap

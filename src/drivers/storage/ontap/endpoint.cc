#include "drivers/storage/ontap/endpoint.h"

#include <fmt/core.h>

#include "core/net/url.h"

namespace holdfast::storage::ontap {
namespace {

constexpr int kMostRequests = 64;

SecretString secret(ObjectReader& reader, std::string_view key, const ReadSecret& read) {
  const std::string file = reader.string(key);
  if (file.empty()) {
    return {};
  }
  auto value = read(file);
  if (!value) {
    reader.problem(key, value.error().to_string());
    return {};
  }
  return *std::move(value);
}

std::string address(ObjectReader& reader) {
  std::string text = reader.string("address");
  if (text.empty()) {
    return text;
  }
  if (text.find("://") == std::string::npos) {
    text = "https://" + text;
  }
  const auto url = net::parse_url(text);
  if (!url) {
    reader.problem("address", url.error().message());
    return {};
  }
  if (url->scheme != "https" && !url->is_loopback()) {
    reader.problem("address", "must be https: plain HTTP would show the password to the network");
  }
  if ((url->path != "/" && url->path != "/api" && url->path != "/api/") || !url->query.empty()) {
    reader.problem("address", "is the host alone, such as https://cluster.example.com");
  }
  return url->scheme + "://" + url->authority();
}

void read_tls(ObjectReader& system, net::TlsOptions& tls, std::vector<Problem>& problems) {
  const Json* value = system.value("tls");
  if (value == nullptr || value->is_null()) {
    return;
  }
  ObjectReader reader(*value, system.pointer_to("tls"), problems);
  tls.ca_file = reader.string_or("ca_file", "");
  tls.pin = reader.string_or("pin", "");
  tls.insecure = reader.boolean_or("insecure", false);
  if (tls.insecure && !tls.ca_file.empty()) {
    reader.problem("insecure", "and ca_file exclude each other");
  }
  reader.reject_unknown();
}

void read_oauth2(const Json& value, ObjectReader& system, Endpoint& endpoint,
                 const ReadSecret& read, std::vector<Problem>& problems) {
  ObjectReader reader(value, system.pointer_to("oauth2"), problems);
  endpoint.login = Login::kOAuth2;
  endpoint.oauth2.token_url = reader.string("token_url");
  endpoint.oauth2.client_id = reader.string("client_id");
  endpoint.oauth2.client_secret = secret(reader, "client_secret_file", read);
  endpoint.oauth2.scope = reader.string_or("scope", "");
  endpoint.oauth2.ca_file = reader.string_or("ca_file", "");
  const auto url = net::parse_url(endpoint.oauth2.token_url);
  if (!endpoint.oauth2.token_url.empty() &&
      (!url || (url->scheme != "https" && !url->is_loopback()))) {
    reader.problem("token_url", "must be an https address");
  }
  if (endpoint.kind == SystemKind::kUnifiedManager) {
    reader.problem("token_url", "Unified Manager takes a user and a password only");
  }
  reader.reject_unknown();
}

void read_certificate(const Json& value, ObjectReader& system, Endpoint& endpoint,
                      std::vector<Problem>& problems) {
  ObjectReader reader(value, system.pointer_to("certificate"), problems);
  endpoint.login = Login::kCertificate;
  endpoint.tls.certificate_file = reader.string("cert_file");
  endpoint.tls.private_key_file = reader.string("key_file");
  if (endpoint.kind == SystemKind::kUnifiedManager) {
    reader.problem("cert_file", "Unified Manager takes a user and a password only");
  }
  reader.reject_unknown();
}

void read_login(ObjectReader& reader, Endpoint& endpoint, const ReadSecret& read,
                std::vector<Problem>& problems) {
  const auto given = [&reader](std::string_view key) {
    const Json* value = reader.value(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  };
  const Json* oauth2 = given("oauth2");
  const Json* certificate = given("certificate");
  const bool basic = given("user") != nullptr || given("password_file") != nullptr;
  const int ways = (oauth2 != nullptr) + (certificate != nullptr) + basic;
  if (ways != 1) {
    reader.problem(ways == 0 ? "user" : "oauth2",
                   "give one way to log in: user and password_file, oauth2, or certificate");
    return;
  }
  if (oauth2 != nullptr) {
    read_oauth2(*oauth2, reader, endpoint, read, problems);
  } else if (certificate != nullptr) {
    read_certificate(*certificate, reader, endpoint, problems);
  } else {
    endpoint.user = reader.string("user");
    endpoint.password = secret(reader, "password_file", read);
    if (endpoint.user.find(':') != std::string::npos) {
      reader.problem("user", "must not hold ':'");
    }
  }
}

// svm:/junction or cluster/svm:/junction, the junction without a '/' at its end.
bool is_junction(std::string_view text) {
  const size_t colon = text.find(":/");
  if (colon == std::string_view::npos || colon == 0) {
    return false;
  }
  const std::string_view junction = text.substr(colon + 1);
  return junction == "/" || !junction.ends_with('/');
}

void read_mounts(ObjectReader& system, Endpoint& endpoint) {
  const Json* value = system.value("mounts");
  if (value == nullptr || value->is_null()) {
    return;
  }
  if (!value->is_object()) {
    system.problem("mounts", "must map \"svm:/junction\" to a local directory");
    return;
  }
  for (const auto& entry : value->get_object()) {
    const std::string junction(entry.key());
    const bool is_path = entry.value().is_string() && entry.value().get_string().starts_with('/');
    if (!is_junction(junction) || !is_path) {
      system.problem("mounts", fmt::format("'{}' must be svm:/junction or cluster/svm:/junction "
                                           "with an absolute local path",
                                           junction));
      continue;
    }
    std::string path(entry.value().get_string());
    while (path.size() > 1 && path.ends_with('/')) {
      path.pop_back();
    }
    endpoint.mounts[junction] = std::move(path);
  }
}

}  // namespace

std::string_view kind_name(SystemKind kind) {
  return kind == SystemKind::kCluster ? "ontap" : "active-iq";
}

Result<Endpoint> decode_endpoint(const Json& document, const ReadSecret& read_secret) {
  std::vector<Problem> problems;
  ObjectReader reader(document, "", problems);
  Endpoint endpoint;
  if (const std::string kind = reader.string_or("kind", "system"); kind != "system") {
    reader.problem("kind", "must be system");
  }
  endpoint.name = reader.string("name");
  const std::string type = reader.string("type");
  if (type == kind_name(SystemKind::kUnifiedManager)) {
    endpoint.kind = SystemKind::kUnifiedManager;
  } else if (!type.empty() && type != kind_name(SystemKind::kCluster)) {
    reader.problem("type", "must be ontap or active-iq");
  }
  endpoint.base_url = address(reader);
  read_tls(reader, endpoint.tls, problems);
  read_login(reader, endpoint, read_secret, problems);
  read_mounts(reader, endpoint);
  endpoint.max_requests = static_cast<int>(reader.integer_or("max_requests", 8));
  if (endpoint.max_requests < 1 || endpoint.max_requests > kMostRequests) {
    reader.problem("max_requests", fmt::format("must be 1 to {}", kMostRequests));
  }
  reader.reject_unknown();
  if (!problems.empty()) {
    return to_error(problems);
  }
  return endpoint;
}

}  // namespace holdfast::storage::ontap

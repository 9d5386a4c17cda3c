#include "simulators/ontap/server/token.h"

#include <algorithm>
#include <vector>

#include "core/base/bytes.h"
#include "core/crypto/hmac.h"
#include "core/net/url.h"
#include "simulators/ontap/rest/dispatch.h"

namespace holdfast::ontap_sim {
namespace {

constexpr auto kLife = std::chrono::hours(1);

std::int64_t seconds(UtcTime time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::string sign(World& world, std::string_view text) {
  std::string key = world.note("oauth.key");
  if (key.empty()) {
    key = to_hex(world.random().bytes16()) + to_hex(world.random().bytes16());
    world.set_note("oauth.key", key);
  }
  return to_base64url(crypto::hmac_sha256(as_bytes(key), as_bytes(text)));
}

std::vector<std::string_view> split(std::string_view text, char sign) {
  std::vector<std::string_view> out;
  while (true) {
    const size_t at = text.find(sign);
    out.push_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return out;
    }
    text.remove_prefix(at + 1);
  }
}

std::string from_base64url(std::string_view text) {
  std::string standard(text);
  std::ranges::replace(standard, '-', '+');
  std::ranges::replace(standard, '_', '/');
  standard.append((4 - standard.size() % 4) % 4, '=');
  const auto bytes = from_base64(standard);
  return bytes ? std::string(as_text(*bytes)) : std::string();
}

// A field of an application/x-www-form-urlencoded body.
std::string form_field(std::string_view body, std::string_view name) {
  for (const std::string_view pair : split(body, '&')) {
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return net::url_decode(pair.substr(equals + 1));
    }
  }
  return {};
}

net::HttpReply no_token(int status, std::string_view error) {
  net::HttpReply reply = json_reply(status, {{"error", error}});
  reply.headers["content-type"] = "application/json";
  if (status == 401) {
    reply.headers["www-authenticate"] = "Basic realm=\"ontap-sim\"";
  }
  return reply;
}

}  // namespace

net::HttpReply give_token(World& world, const net::HttpRequest& request) {
  if (form_field(request.body, "grant_type") != "client_credentials") {
    return no_token(400, "unsupported_grant_type");
  }
  std::string id = form_field(request.body, "client_id");
  std::string secret = form_field(request.body, "client_secret");
  if (const std::string_view header = request.header("authorization");
      header.starts_with("Basic ")) {
    const auto decoded = from_base64(header.substr(6));
    const std::string pair = decoded ? std::string(as_text(*decoded)) : "";
    id = net::url_decode(pair.substr(0, pair.find(':')));
    secret = net::url_decode(pair.substr(std::min(pair.size(), pair.find(':') + 1)));
  }
  const std::string asked = form_field(request.body, "scope");
  const std::string scope = asked.empty() ? "ontap:*:admin:all:*:*" : asked;
  Locked lock(world);
  if (id != world.config().oauth2.client_id || secret != world.note("oauth2.secret")) {
    return no_token(401, "invalid_client");
  }
  if (!scope.starts_with("ontap:")) {
    return no_token(400, "invalid_scope");
  }
  const std::int64_t life = std::chrono::seconds(kLife).count();
  net::HttpReply reply = json_reply(200, {{"access_token", issue_token(world, scope)},
                                          {"token_type", "Bearer"},
                                          {"expires_in", life},
                                          {"scope", scope}});
  reply.headers["content-type"] = "application/json";
  reply.headers["cache-control"] = "no-store";
  return reply;
}

std::string issue_token(World& world, std::string_view scope) {
  const JsonObject claims{{"iss", "ontap-sim"},
                          {"sub", world.config().user},
                          {"scope", scope},
                          {"iat", seconds(world.now())},
                          {"exp", seconds(world.now() + kLife)}};
  const std::string head = to_base64url(as_bytes(R"({"alg":"HS256","typ":"JWT"})"));
  const std::string text = head + "." + to_base64url(as_bytes(to_text(Json(claims))));
  return text + "." + sign(world, text);
}

Outcome<std::string> check_token(World& world, std::string_view token, std::string_view cluster,
                                 std::string_view method) {
  const Fault refused(401, 6691623, "User is not authorized.");
  const auto parts = split(token, '.');
  if (parts.size() != 3 || sign(world, token.substr(0, token.rfind('.'))) != parts[2]) {
    return refused;
  }
  const auto claims = parse_json(from_base64url(parts[1]));
  if (!claims || !claims->is_object() ||
      int_at(claims->as_object(), "exp") <= seconds(world.now())) {
    return refused;
  }
  const std::string scope = text_at(claims->as_object(), "scope");
  const auto words = split(scope, ':');
  if (words.size() < 2 || words[0] != "ontap" || (words[1] != "*" && words[1] != cluster)) {
    return refused;
  }
  if (words.size() > 3 && words[3] == "readonly" && method != "GET" && method != "HEAD" &&
      method != "OPTIONS") {
    return Fault(403, 6, "not authorized for that command");
  }
  return text_at(claims->as_object(), "sub");
}

}  // namespace holdfast::ontap_sim

#include "simulators/ontap/server/oauth.h"

#include "core/base/bytes.h"
#include "core/net/url.h"
#include "simulators/ontap/rest/dispatch.h"
#include "simulators/ontap/server/token.h"

namespace holdfast::ontap_sim {
namespace {

// RFC 6749, 5.1: nobody keeps answers with tokens.
net::HttpReply reply_of(int status, JsonObject body) {
  net::HttpReply reply = json_reply(status, body);
  reply.headers["cache-control"] = "no-store";
  return reply;
}

net::HttpReply refusal(int status, std::string_view error, std::string_view description) {
  net::HttpReply reply = reply_of(status, {{"error", error}, {"error_description", description}});
  if (status == 401) {
    reply.headers["www-authenticate"] = "Basic realm=\"ontap-sim\"";
  }
  return reply;
}

// "id:secret" of the client, each part form-encoded in a header (2.3.1).
std::string client_of(const net::HttpRequest& request, const net::HttpRequest& form) {
  const std::string_view header = request.header("authorization");
  if (!header.starts_with("Basic ")) {
    return form.query_or("client_id", "") + ":" + form.query_or("client_secret", "");
  }
  const auto decoded = from_base64(header.substr(6));
  const std::string pair = decoded ? std::string(as_text(*decoded)) : "";
  const std::size_t colon = std::min(pair.find(':'), pair.size());
  return net::url_decode(pair.substr(0, colon), true) + ":" +
         net::url_decode(std::string_view(pair).substr(std::min(colon + 1, pair.size())), true);
}

}  // namespace

net::HttpReply grant_token(World& world, const net::HttpRequest& request) {
  net::HttpRequest form;
  net::set_target(form, "/?" + request.body);
  if (request.method != "POST") {
    return refusal(405, "invalid_request", "a token is asked for by POST");
  }
  Locked lock(world);
  if (client_of(request, form) != world.config().client_id + ":" + world.note("oauth.secret")) {
    return refusal(401, "invalid_client", "the client is not known, or its secret is wrong");
  }
  if (form.query_or("grant_type", "") != "client_credentials") {
    return refusal(400, "unsupported_grant_type", "only client_credentials is offered");
  }
  const std::string scope = form.query_or("scope", "ontap:*");
  if (!scope.starts_with("ontap:")) {
    return refusal(400, "invalid_scope", "a scope is ontap:CLUSTER:ROLE:ACCESS:SVM:PATH");
  }
  return reply_of(200, {{"access_token", issue_token(world, scope)},
                        {"token_type", "Bearer"},
                        {"expires_in", 3600},
                        {"scope", scope}});
}

}  // namespace holdfast::ontap_sim

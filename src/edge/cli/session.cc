// Finding the server: HOLDFAST_SERVER, else http://127.0.0.1:7420; plain HTTP to this machine only.
// The key: HOLDFAST_TOKEN, the file HOLDFAST_TOKEN_FILE, else admin.token under HOLDFAST_DATA
// (~/.local/share/holdfast when unset).
#include "edge/cli/session.h"

#include <fmt/core.h>

#include <cstdlib>

#include "core/async/run.h"
#include "core/env/posix/atomic_file.h"
#include "core/net/http_client.h"
#include "core/net/sse.h"
#include "core/net/url.h"
#include "edge/wire/agent_tasks.h"

namespace holdfast::cli {
namespace {

constexpr const char* kDefaultServer = "http://127.0.0.1:7420";

// Four of the server's heartbeats: after a laptop slept, its connection may be dead and say
// nothing.
constexpr Nanoseconds kSilence = std::chrono::minutes(1);

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string default_token_file() {
  const std::string data = environment("HOLDFAST_DATA");
  return (data.empty() ? environment("HOME") + "/.local/share/holdfast" : data) + "/admin.token";
}

Result<std::string> find_token() {
  if (const std::string token = environment("HOLDFAST_TOKEN"); !token.empty()) {
    return token;
  }
  const std::string file = environment("HOLDFAST_TOKEN_FILE");
  const std::string path = file.empty() ? default_token_file() : file;
  auto token = env::read_small_file(path);
  if (!token) {
    return Error(
        Code::kUnauthenticated,
        fmt::format("no API key: set HOLDFAST_TOKEN or HOLDFAST_TOKEN_FILE, or HOLDFAST_DATA "
                    "to the server's directory ({} cannot be read)",
                    path));
  }
  while (token->ends_with('\n')) {
    token->pop_back();
  }
  return token;
}

}  // namespace

struct Session::Connection {
  std::string server;
  std::string token;
  async::Pool pool{"cli", 1};
  std::unique_ptr<net::HttpClient> client;

  net::ClientRequest request(const std::string& method, const std::string& path) const {
    net::ClientRequest made;
    made.method = method;
    made.url = server + path;
    made.headers["authorization"] = "Bearer " + token;
    made.headers["accept"] = "application/json";
    return made;
  }
};

Result<std::string> server_address(const std::string& text) {
  return net::server_address(text.empty() ? kDefaultServer : text);
}

Session::Session(Console& console) : console_(console) {}
Session::~Session() = default;

Result<Session::Connection*> Session::connect() {
  if (connection_) {
    return connection_.get();
  }
  auto made = std::make_unique<Connection>();
  HF_TRY(made->server, server_address(environment("HOLDFAST_SERVER")));
  HF_TRY(made->token, find_token());
  net::ClientOptions options;
  options.tls.ca_file = environment("HOLDFAST_CA_FILE");
  HF_TRY(made->client, net::HttpClient::create(clock_, options));
  connection_ = std::move(made);
  return connection_.get();
}

Result<Json> Session::send(const std::string& method, const std::string& path, const Json* body) {
  HF_TRY(Connection* const connection, connect());
  net::ClientRequest request = connection->request(method, path);
  request.deadline = std::chrono::minutes(5);
  if (body != nullptr) {
    request.headers["content-type"] = "application/json";
    request.body = to_text(*body);
  }
  auto response =
      async::block_on(connection->pool.executor(), connection->client->send(std::move(request)));
  if (!response) {
    return Error(
               response.error().code(),
               fmt::format(
                   "no answer from {}: is the server running? ('holdfast serve --data DIR', or set "
                   "HOLDFAST_SERVER)",
                   connection->server))
        .caused_by(response.error());
  }
  if (response->status >= 400) {
    return wire::error_from_problem(response->status, response->body);
  }
  return parse_json(response->body, 64u << 20);
}

Result<Json> Session::get(const std::string& path) { return send("GET", path, nullptr); }
Result<Json> Session::post(const std::string& path, const Json& body) {
  return send("POST", path, &body);
}
Result<Json> Session::remove(const std::string& path) { return send("DELETE", path, nullptr); }

Result<Json> Session::list(const std::string& path) {
  JsonArray items;
  std::string cursor;
  do {
    const std::string more =
        cursor.empty()
            ? ""
            : (path.find('?') == std::string::npos ? "?cursor=" : "&cursor=") + url_encode(cursor);
    HF_TRY(const Json answer, get(path + more));
    const Json* found = find(answer, "items");
    if (found != nullptr && found->is_array()) {
      items.insert(items.end(), found->get_array().begin(), found->get_array().end());
    }
    cursor = get_string(answer, "next_cursor");
  } while (!cursor.empty());
  return Json(std::move(items));
}

Status Session::events(const std::string& path,
                       const std::function<bool(std::string_view, const Json&)>& on_event) {
  HF_TRY(Connection* const connection, connect());
  net::ClientRequest request = connection->request("GET", path);
  request.headers["accept"] = "text/event-stream";
  request.deadline = Nanoseconds(0);
  request.idle_limit = kSilence;
  net::SseParser parser;
  bool wanted = true;
  auto response =
      async::block_on(connection->pool.executor(),
                      connection->client->stream(std::move(request), [&](std::string_view bytes) {
                        const auto events = parser.feed(bytes);
                        if (!events) {
                          return false;
                        }
                        for (const net::SseEvent& event : *events) {
                          const auto data = parse_json(event.data);
                          wanted = wanted && data && on_event(event.event, *data);
                        }
                        return wanted;
                      }));
  if (!response) {
    return response.error();
  }
  return response->status >= 400
             ? Status(wire::error_from_problem(response->status, response->body))
             : Status();
}

void Session::pause(Nanoseconds duration) { async::wait_blocking(clock_, duration, {}); }

std::string url_encode(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

}  // namespace holdfast::cli

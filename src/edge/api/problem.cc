#include "edge/api/problem.h"

#include "core/base/json.h"
#include "edge/wire/agent_tasks.h"

namespace holdfast::api {
namespace {

// The sentence without the pointers, which stand in their own list.
std::string detail_of(const Error& error) {
  std::string text = error.message();
  std::string facts;
  for (const auto& [key, value] : error.context()) {
    if (!key.starts_with('/')) {
      facts += (facts.empty() ? "" : ", ") + key + ": " + value;
    }
  }
  if (!facts.empty()) {
    text += " (" + facts + ")";
  }
  if (error.cause() != nullptr) {
    text += ": " + error.cause()->to_string();
  }
  return text;
}

}  // namespace

net::HttpReply problem_reply(const Error& error, const std::string& request_id) {
  const CodeInfo& info = describe(error.code());
  // A code that is a success for a run (partial, target missed) is a failed request here.
  const int status = info.http_status < 400 ? 422 : info.http_status;
  JsonArray problems;
  for (const auto& [key, value] : error.context()) {
    if (key.starts_with('/')) {
      problems.push_back(JsonObject{{"pointer", key == "/" ? "" : key}, {"message", value}});
    }
  }
  JsonObject body{{"type", "https://holdfast.dev/problems/" + std::string(info.name)},
                  {"title", error.message()},
                  {"status", status},
                  {"detail", detail_of(error)},
                  {"code", info.name},
                  {"exit_code", info.exit_code},
                  {"retry", wire::retry_name(error.retry())},
                  {"request_id", request_id}};
  if (!problems.empty()) {
    body["problems"] = std::move(problems);
  }
  net::HttpReply reply;
  reply.status = status;
  reply.headers["content-type"] = "application/problem+json";
  reply.body = to_text(body);
  return reply;
}

}  // namespace holdfast::api

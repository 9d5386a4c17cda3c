#include "core/net/url.h"
#include "simulators/ontap/rest/resource.h"

namespace holdfast::ontap_sim {
namespace {

std::vector<std::string_view> pieces(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::string_view one = text.substr(0, text.find('/'));
    text.remove_prefix(std::min(text.size(), one.size() + 1));
    if (!one.empty()) {
      out.push_back(one);
    }
  }
  return out;
}

}  // namespace

std::vector<std::string> split_path(std::string_view raw) {
  std::vector<std::string> out;
  for (const std::string_view piece : pieces(raw.substr(0, raw.find('?')))) {
    if (piece == "..") {
      if (!out.empty()) {
        out.pop_back();
      }
    } else if (piece != ".") {
      out.push_back(net::url_decode(piece));
    }
  }
  return out;
}

std::optional<std::vector<std::string>> match_path(std::string_view pattern,
                                                   const std::vector<std::string>& segments) {
  std::vector<std::string> keys;
  size_t at = 0;
  for (const std::string_view piece : pieces(pattern)) {
    if (piece.ends_with("...}")) {
      std::string rest;
      for (; at < segments.size(); ++at) {
        rest += (rest.empty() ? "" : "/") + segments[at];
      }
      keys.push_back(std::move(rest));
      return keys;
    }
    if (at == segments.size()) {
      return std::nullopt;
    }
    if (piece.front() == '{') {
      keys.push_back(segments[at]);
    } else if (piece != segments[at]) {
      return std::nullopt;
    }
    ++at;
  }
  return at == segments.size() ? std::optional(std::move(keys)) : std::nullopt;
}

Answer done() { return {}; }

Answer done_with(std::string created, JsonObject record) {
  Answer answer;
  answer.created = std::move(created);
  answer.records.push_back(std::move(record));
  return answer;
}

Answer by_job(std::string job, std::string created, JsonObject record) {
  Answer answer;
  answer.jobs.push_back(std::move(job));
  answer.created = std::move(created);
  if (!record.empty()) {
    answer.records.push_back(std::move(record));
  }
  return answer;
}

std::string describe_call(const Call& call, std::string_view key) {
  std::string text = call.method + " /api" + call.path;
  if (!key.empty()) {
    text += "/" + std::string(key);
  }
  return text;
}

}  // namespace holdfast::ontap_sim

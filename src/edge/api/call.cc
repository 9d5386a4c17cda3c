#include "edge/api/call.h"

#include <algorithm>
#include <charconv>

namespace holdfast::api {

std::string Call::path_value(std::string_view name) const {
  const auto found = path.find(name);
  return found == path.end() ? "" : found->second;
}

Result<int> Call::limit() const {
  const std::string text = request->query_or("limit", "100");
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || value < 1 || value > 500) {
    return Error(Code::kInvalidArgument, "limit must be a number from 1 to 500")
        .with("/limit", "is '" + text + "'");
  }
  return value;
}

Status Call::only_fields(std::initializer_list<std::string_view> names) const {
  std::vector<Problem> problems;
  for (const auto& field : body.get_object()) {
    if (std::find(names.begin(), names.end(), std::string_view(field.key())) == names.end()) {
      problems.push_back({"/" + std::string(field.key()), "is not a known field"});
    }
  }
  if (!problems.empty()) {
    return to_error(problems);
  }
  return {};
}

Json page(JsonArray items, int limit) {
  const bool full = static_cast<int>(items.size()) >= limit;
  Json cursor = full ? Json(get_string(items.back(), "id")) : Json();
  return JsonObject{{"items", std::move(items)}, {"next_cursor", std::move(cursor)}};
}

}  // namespace holdfast::api

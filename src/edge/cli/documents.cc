#include "edge/cli/documents.h"

#include <fmt/core.h>

#include <cstdio>

#include "core/env/posix/atomic_file.h"

namespace holdfast::cli {

Result<std::vector<YamlDocument>> read_documents(const std::string& path) {
  std::string text;
  if (path == "-") {
    char buffer[4096];
    for (size_t count = 0; (count = std::fread(buffer, 1, sizeof(buffer), stdin)) > 0;) {
      text.append(buffer, count);
    }
  } else {
    HF_TRY(text, env::read_small_file(path));
  }
  auto documents = parse_yaml(text);
  if (!documents) {
    return Error(documents.error().code(), path + ": " + documents.error().message());
  }
  if (documents->empty()) {
    return Error(Code::kInvalidArgument, path + ": there is no document in it");
  }
  return documents;
}

Error at_lines(const Error& error, const std::string& path, const YamlDocument& document,
               std::string_view prefix) {
  Error placed(error.code(), error.message(), error.retry());
  for (const auto& [key, value] : error.context()) {
    if (!key.starts_with('/')) {
      placed = std::move(placed).with(key, value);
      continue;
    }
    std::string pointer = key == "/" ? "" : key;
    if (pointer.starts_with(prefix)) {
      pointer = pointer.substr(prefix.size());
    }
    const SourcePosition at = document.position_of(pointer);
    const std::string name = pointer.empty() ? "" : pointer.substr(pointer.rfind('/') + 1) + " ";
    placed =
        std::move(placed).with(fmt::format("{}:{}:{}", path, at.line, at.column), name + value);
  }
  return placed;
}

}  // namespace holdfast::cli

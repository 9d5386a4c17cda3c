// Documents for `apply`: YAML (or JSON) files, and the server's problems back at their lines.
#pragma once

#include <string>
#include <vector>

#include "core/base/yaml.h"

namespace holdfast::cli {

// All documents of a file ("-": standard input). Errors name file, line and column.
Result<std::vector<YamlDocument>> read_documents(const std::string& path);

// The error with each JSON pointer of its context turned into FILE:LINE:COLUMN. `prefix` is where
// the document stood in the request ("/document").
Error at_lines(const Error& error, const std::string& path, const YamlDocument& document,
               std::string_view prefix);

}  // namespace holdfast::cli

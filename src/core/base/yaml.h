// YAML documents to JSON values with the line of every value (yaml-cpp, in yaml.cc only).
//
// Limits: 1 MiB of text, nesting 64, no anchors with expansion above 10,000 values. Plain scalars
// become null, booleans, integers or doubles as in YAML 1.2's core schema; everything quoted is
// text.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"

namespace holdfast {

struct SourcePosition {
  int line = 0;    // from 1
  int column = 0;  // from 1
};

struct YamlDocument {
  Json value;
  std::map<std::string, SourcePosition> positions;  // JSON pointer -> where its value starts

  // The position of `pointer`, or of its nearest parent that is known.
  SourcePosition position_of(std::string_view pointer) const;
};

// All documents of a stream; a syntax error is kInvalidArgument with line and column in its
// message.
Result<std::vector<YamlDocument>> parse_yaml(std::string_view text);
// JSON value as block YAML.
std::string to_yaml(const Json& value);

}  // namespace holdfast

#include "simulators/ontap/rest/selection.h"

#include <fmt/core.h>

namespace holdfast::ontap_sim {
namespace {

// `a,b.{c,d}` as a, b.c, b.d.
Outcome<std::vector<std::string>> spread(std::string_view text) {
  std::vector<std::string> out;
  std::vector<std::string> prefixes{""};
  std::string word;
  for (const char c : text) {
    if (c == '{') {
      prefixes.push_back(prefixes.back() + word);
      word.clear();
    } else if (c == '}' || c == ',') {
      if (!word.empty()) {
        out.push_back(prefixes.back() + word);
      }
      word.clear();
      if (c == '}') {
        prefixes.pop_back();
      }
    } else if (c != ' ') {
      word += c;
    }
    if (prefixes.empty()) {
      return bad(262286, "The braces in \"fields\" do not match.", "fields");
    }
  }
  if (prefixes.size() != 1) {
    return bad(262286, "The braces in \"fields\" do not match.", "fields");
  }
  if (!word.empty()) {
    out.push_back(word);
  }
  return out;
}

bool at_or_below(std::string_view path, std::string_view top) {
  return path.starts_with(top) && (path.size() == top.size() || path[top.size()] == '.');
}

}  // namespace

Outcome<Selection> Selection::parse(const Schema& schema, std::string_view text, Base base,
                                    bool ignore_unknown) {
  Selection out(schema);
  out.base_ = base;
  HF_TRY(const auto words, spread(text));
  bool named = false;
  for (const std::string& word : words) {
    const bool negated = word.starts_with('!');
    std::string path = negated ? word.substr(1) : word;
    if (path == "*" || path == "**") {
      out.base_ = path == "**" ? Base::kAll : std::max(out.base_, Base::kNormal);
      named = true;
      continue;
    }
    if (path.ends_with(".*")) {
      path.resize(path.size() - 2);
    }
    if (path.starts_with("_links") || path.find("._links") != std::string::npos) {
      continue;
    }
    if (!schema.knows(path)) {
      if (ignore_unknown) {
        continue;
      }
      return bad(
          262197,
          fmt::format("The value \"{}\" is invalid for field \"fields\" (<field,...>)", path),
          "fields");
    }
    if (negated) {
      out.excluded_.push_back(std::move(path));
    } else {
      if (!named) {  // one record by its key shows only what was named, if anything was
        out.base_ = std::min(out.base_, Base::kIdentity);
      }
      named = true;
      out.included_.push_back(std::move(path));
    }
  }
  return out;
}

bool Selection::shows(std::string_view path) const {
  for (const std::string& top : excluded_) {
    if (at_or_below(path, top)) {
      return false;
    }
  }
  for (const std::string& top : included_) {
    if (at_or_below(path, top)) {
      return true;
    }
  }
  const Field* row = schema_->find(path);
  if (row != nullptr && (row->flags & kSecret) != 0) {
    return false;
  }
  if (base_ == Base::kAll) {
    return true;
  }
  return base_ == Base::kNormal ? !schema_->costly(path)
                                : row != nullptr && (row->flags & kIdentity) != 0;
}

bool Selection::wants(std::string_view path) const {
  if (shows(path)) {
    return true;
  }
  for (const std::string& top : included_) {
    if (at_or_below(top, path)) {
      return true;
    }
  }
  if (base_ == Base::kIdentity) {
    return false;
  }
  for (const Field& row : schema_->rows()) {
    if (at_or_below(row.path, path) && shows(row.path)) {
      return true;
    }
  }
  return false;
}

void Selection::project_into(const JsonObject& record, const std::string& prefix,
                             JsonObject& out) const {
  for (const auto& [key, value] : record) {
    const std::string path = prefix + std::string(key);
    const Field* row = schema_->find(path);
    if (key.starts_with("_sim") || (row != nullptr && (row->flags & kSecret) != 0)) {
      continue;
    }
    if (const JsonObject* inner = value.if_object();
        inner && (row == nullptr || row->type != FieldType::kAny)) {
      JsonObject shown;
      project_into(*inner, path + ".", shown);
      if (!shown.empty()) {
        out[key] = std::move(shown);
      }
    } else if (row != nullptr && row->type == FieldType::kObjects && value.is_array()) {
      JsonArray shown;
      bool any = shows(path);
      for (const Json& element : value.as_array()) {
        JsonObject one;
        if (const JsonObject* object = element.if_object()) {
          project_into(*object, path + ".", one);
        }
        any = any || !one.empty();
        shown.emplace_back(std::move(one));
      }
      if (any) {
        out[key] = std::move(shown);
      }
    } else if (shows(path)) {
      out[key] = value;
    }
  }
}

JsonObject Selection::project(const JsonObject& record) const {
  JsonObject out;
  project_into(record, "", out);
  return out;
}

}  // namespace holdfast::ontap_sim

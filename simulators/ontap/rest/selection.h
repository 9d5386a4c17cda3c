// Which fields of a record are shown: the `fields` parameter against a schema.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "simulators/ontap/rest/schema.h"

namespace holdfast::ontap_sim {

class Selection {
 public:
  enum class Base {
    kIdentity,  // a listing that asks for nothing
    kNormal,    // `*`, and one record by its key
    kAll,       // `**`
  };

  // `a,b.c`, `b.{c,d}`, `!b.c`, `*`, `**`; an empty text adds nothing to `base`. 262286: braces
  // that do not close; 262197: a field that the schema does not know, unless `ignore_unknown`.
  static Outcome<Selection> parse(const Schema& schema, std::string_view text, Base base,
                                  bool ignore_unknown);

  // Shows this field as well.
  void add(std::string path) { included_.push_back(std::move(path)); }
  // Whether something at or below `path` is shown: what is dear to compute asks first.
  bool wants(std::string_view path) const;
  // The shown part of a record. Keys that begin with "_sim" are this program's own and never shown.
  JsonObject project(const JsonObject& record) const;

 private:
  explicit Selection(const Schema& schema) : schema_(&schema) {}
  bool shows(std::string_view path) const;
  void project_into(const JsonObject& record, const std::string& prefix, JsonObject& out) const;

  const Schema* schema_;
  Base base_ = Base::kIdentity;
  std::vector<std::string> included_;
  std::vector<std::string> excluded_;
};

}  // namespace holdfast::ontap_sim

// What people and programs see: tables, JSON, YAML, progress, and one sentence for an error.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/env/clock.h"

namespace holdfast::cli {

enum class OutputFormat { kTable, kJson, kYaml };

// One column of a table: its heading and the field (or a/b path) it shows.
struct Column {
  std::string_view heading;
  std::string_view field;
};

// Rows as text columns, as wide as their content; the last one is cut to `width` (0: not cut).
std::string format_table(const std::vector<Column>& columns, const JsonArray& rows, size_t width);
// One field of a row for people: sizes of *_bytes, ages of *_seconds, "-" for null.
std::string cell_text(const Json& row, std::string_view field);
// "name: value" lines of an object; nested objects are indented.
std::string format_object(const Json& value);

class Console {
 public:
  Console(std::FILE* out, std::FILE* err, OutputFormat format);

  OutputFormat format() const { return format_; }
  // Standard error is one, and CI does not say otherwise. There is no colour for NO_COLOR to stop.
  bool terminal() const { return terminal_; }
  void list(const std::vector<Column>& columns, const Json& items);
  void object(const Json& value);
  // `value` for programs, `sentence` for people.
  void answer(const Json& value, std::string_view sentence);
  void json(const Json& value);  // whatever the format is
  // Each of them escapes what a terminal would obey (display.h); JSON and YAML are exact.
  void line(std::string_view text);   // one line to stdout
  void text(std::string_view lines);  // several
  void note(std::string_view text);   // one line to stderr
  void error(const Error& error);
  // Redraws one line on a terminal; elsewhere prints a line at most every 10 s.
  void progress(std::string_view text, MonoTime now);
  void end_progress();

 private:
  void print(std::string_view text);

  std::FILE* out_;
  std::FILE* err_;
  OutputFormat format_;
  bool terminal_;
  bool drawn_ = false;
  std::string last_;
  MonoTime last_at_{};
};

}  // namespace holdfast::cli

#include "edge/cli/console.h"

#include <fmt/core.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "core/base/time.h"
#include "core/base/units.h"
#include "core/base/yaml.h"
#include "edge/cli/display.h"

namespace holdfast::cli {
namespace {

constexpr size_t kNoWidth = 0;
// Where no terminal is, progress is a log: a line now and then.
constexpr Nanoseconds kPlainEvery = std::chrono::seconds(10);

// The value at a path of keys separated by '/'.
const Json* at_path(const Json& row, std::string_view path) {
  const Json* value = &row;
  while (value != nullptr && !path.empty()) {
    const std::string_view key = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), key.size() + 1));
    value = find(*value, key);
  }
  return value;
}

std::string scalar_text(const Json& value, std::string_view field) {
  if (value.is_null()) {
    return "-";
  }
  if (value.is_string()) {
    return value.get_string().empty() ? "-" : printable(value.get_string());
  }
  if (value.is_bool()) {
    return value.get_bool() ? "yes" : "no";
  }
  const bool number = value.is_int64() || value.is_uint64();
  const std::int64_t count = number ? value.to_number<std::int64_t>() : 0;
  if (number && field.ends_with("bytes")) {
    return format_bytes(static_cast<std::uint64_t>(count));
  }
  if (number && field.ends_with("seconds")) {
    return format_duration(std::chrono::seconds(count));
  }
  if (value.is_double()) {
    return fmt::format("{:.3f}", value.get_double());
  }
  return to_text(value);
}

void append_object(const Json& value, std::string& out, size_t indent) {
  for (const auto& field : value.get_object()) {
    const std::string name(indent, ' ');
    const std::string key = printable(field.key());
    if (field.value().is_object() && !field.value().get_object().empty()) {
      out += name + key + ":\n";
      append_object(field.value(), out, indent + 2);
    } else if (field.value().is_array() && !field.value().get_array().empty()) {
      out += name + key + ":\n";
      for (const Json& item : field.value().get_array()) {
        if (item.is_object()) {
          std::string inner;
          append_object(item, inner, indent + 4);
          inner[indent + 2] = '-';
          out += inner;
        } else {
          out += name + "  - " + scalar_text(item, key) + "\n";
        }
      }
    } else {
      out += name + key + ": " +
             (field.value().is_structured() ? "-" : scalar_text(field.value(), key)) + "\n";
    }
  }
}

size_t terminal_width(std::FILE* stream) {
  winsize size{};
  const bool known =
      ::isatty(::fileno(stream)) == 1 && ::ioctl(::fileno(stream), TIOCGWINSZ, &size) == 0;
  return known ? size.ws_col : kNoWidth;
}

}  // namespace

std::string cell_text(const Json& row, std::string_view field) {
  const Json* value = at_path(row, field);
  if (value == nullptr) {
    return "-";
  }
  if (value->is_array()) {
    std::string text;
    for (const Json& item : value->get_array()) {
      text += (text.empty() ? "" : ", ") +
              (item.is_object() ? printable(get_string(item, "level")) : scalar_text(item, field));
    }
    return text.empty() ? "-" : text;
  }
  return scalar_text(*value, field);
}

std::string format_table(const std::vector<Column>& columns, const JsonArray& rows, size_t width) {
  std::vector<size_t> widths;
  std::vector<std::vector<std::string>> cells;
  for (const Column& column : columns) {
    widths.push_back(column.heading.size());
  }
  for (const Json& row : rows) {
    std::vector<std::string>& line = cells.emplace_back();
    for (size_t i = 0; i < columns.size(); ++i) {
      line.push_back(cell_text(row, columns[i].field));
      widths[i] = std::max(widths[i], display_width(line.back()));
    }
  }
  const auto put_line = [&](const std::vector<std::string>& line, std::string& out) {
    std::string text;
    for (size_t i = 0; i < line.size(); ++i) {
      text += line[i];
      if (i + 1 < line.size()) {
        text.append(widths[i] + 2 - display_width(line[i]), ' ');
      }
    }
    out += cut(std::move(text), width) + "\n";
  };
  std::string out;
  std::vector<std::string> heading;
  for (const Column& column : columns) {
    heading.emplace_back(column.heading);
  }
  put_line(heading, out);
  for (const auto& line : cells) {
    put_line(line, out);
  }
  return out;
}

std::string format_object(const Json& value) {
  if (!value.is_object()) {
    return to_text(value) + "\n";
  }
  std::string out;
  append_object(value, out, 0);
  return out;
}

Console::Console(std::FILE* out, std::FILE* err, OutputFormat format)
    : out_(out),
      err_(err),
      format_(format),
      terminal_(::isatty(::fileno(err)) == 1 && std::getenv("CI") == nullptr) {}

void Console::list(const std::vector<Column>& columns, const Json& items) {
  if (format_ == OutputFormat::kJson) {
    print(to_pretty_text(items));
  } else if (format_ == OutputFormat::kYaml) {
    print(to_yaml(items));
  } else if (items.get_array().empty()) {
    note("nothing to show");
  } else {
    text(format_table(columns, items.get_array(), terminal_width(out_)));
  }
}

void Console::object(const Json& value) {
  print(format_ == OutputFormat::kJson   ? to_pretty_text(value)
        : format_ == OutputFormat::kYaml ? to_yaml(value)
                                         : format_object(value));
}

void Console::answer(const Json& value, std::string_view sentence) {
  if (format_ == OutputFormat::kTable) {
    line(sentence);
  } else {
    object(value);
  }
}

void Console::json(const Json& value) { print(to_pretty_text(value)); }

void Console::line(std::string_view text) { print(printable(text)); }

void Console::text(std::string_view lines) { print(printable_lines(lines)); }

void Console::print(std::string_view text) {
  end_progress();
  fmt::print(out_, "{}{}", text, text.ends_with('\n') ? "" : "\n");
}

void Console::note(std::string_view text) {
  end_progress();
  fmt::print(err_, "{}\n", printable(text));
}

void Console::error(const Error& error) {
  end_progress();
  std::string facts;
  std::string problems;
  for (const auto& [key, value] : error.context()) {
    if (key.find('/') != std::string::npos || key.find(':') != std::string::npos) {
      problems += fmt::format("  {}: {}\n", printable(key), printable(value));
    } else {
      facts +=
          fmt::format("{}{}: {}", facts.empty() ? " (" : ", ", printable(key), printable(value));
    }
  }
  fmt::print(err_, "holdfast: {}{}{}\n{}", printable(error.message()), facts,
             facts.empty() ? "" : ")", problems);
}

void Console::progress(std::string_view text, MonoTime now) {
  if (text == last_) {
    return;
  }
  const std::string shown = printable(text);
  if (!terminal_) {
    if (last_.empty() || now - last_at_ >= kPlainEvery) {
      last_ = text;
      last_at_ = now;
      fmt::print(err_, "{}\n", shown);
    }
    return;
  }
  last_ = text;
  const size_t width = terminal_width(err_);
  fmt::print(err_, "\r\033[K{}", cut(shown, width > 1 ? width - 1 : kNoWidth));
  std::fflush(err_);
  drawn_ = true;
}

void Console::end_progress() {
  if (drawn_) {
    fmt::print(err_, "\r\033[K");
    drawn_ = false;
  }
}

}  // namespace holdfast::cli

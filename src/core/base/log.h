// Logging façade: one line is one event with a stable name and typed fields.
//
//   log_info("snapshot.created", {{"volume", id}, {"bytes", size}});
//
// Names are listed in docs/events.md. Lines go to stderr: JSON in services, human form in the CLI
// (set_log_format). Thread-safe; the caller formats, one writer writes (log_sink.cc, spdlog).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace holdfast {

enum class LogLevel { kDebug, kInfo, kWarn, kError };
enum class LogFormat { kJson, kHuman };

struct LogField {
  LogField(std::string_view field, std::string_view text) : key(field), value(text) {}
  LogField(std::string_view field, const std::string& text) : key(field), value(text) {}
  LogField(std::string_view field, const char* text) : key(field), value(text) {}
  LogField(std::string_view field, std::int64_t number)
      : key(field), value(std::to_string(number)), number(true) {}
  LogField(std::string_view field, std::uint64_t n)
      : key(field), value(std::to_string(n)), number(true) {}
  LogField(std::string_view field, int n) : LogField(field, static_cast<std::int64_t>(n)) {}

  std::string_view key;
  std::string value;
  bool number = false;
};

void set_log_level(LogLevel level);
void set_log_format(LogFormat format);
void log_event(LogLevel level, std::string_view name, std::initializer_list<LogField> fields);

inline void log_debug(std::string_view name, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kDebug, name, fields);
}
inline void log_info(std::string_view name, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kInfo, name, fields);
}
inline void log_warn(std::string_view name, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kWarn, name, fields);
}
inline void log_error(std::string_view name, std::initializer_list<LogField> fields = {}) {
  log_event(LogLevel::kError, name, fields);
}

}  // namespace holdfast

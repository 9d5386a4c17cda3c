// The only owner of spdlog: a logger to stderr that gets whole formatted lines.
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <chrono>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/time.h"

namespace holdfast {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};
std::atomic<LogFormat> g_format{LogFormat::kHuman};

constexpr std::string_view kLevelNames[] = {"debug", "info", "warn", "error"};

spdlog::logger& sink() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = spdlog::stderr_logger_mt("holdfast");
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string json_line(LogLevel level, std::string_view name, UtcTime now,
                      std::initializer_list<LogField> fields) {
  JsonObject line;
  line["time"] = to_rfc3339(now);
  line["level"] = kLevelNames[static_cast<int>(level)];
  line["event"] = name;
  for (const LogField& field : fields) {
    if (field.number) {
      line[field.key] = std::stoll(field.value);
    } else {
      line[field.key] = field.value;
    }
  }
  return to_text(line);
}

std::string human_line(LogLevel level, std::string_view name, UtcTime now,
                       std::initializer_list<LogField> fields) {
  std::string line = to_rfc3339(std::chrono::time_point_cast<std::chrono::milliseconds>(now));
  line.append(" ").append(kLevelNames[static_cast<int>(level)]).append(" ").append(name);
  for (const LogField& field : fields) {
    const bool quoted = !field.number && field.value.find_first_of(" \"=") != std::string::npos;
    line.append(" ").append(field.key).append("=");
    line += quoted ? to_text(Json(field.value)) : field.value;
  }
  return line;
}

}  // namespace

void set_log_level(LogLevel level) { g_level = level; }
void set_log_format(LogFormat format) { g_format = format; }

void log_event(LogLevel level, std::string_view name, std::initializer_list<LogField> fields) {
  if (level < g_level.load(std::memory_order_relaxed)) {
    return;
  }
  const UtcTime now = std::chrono::system_clock::now();  // log lines carry real time, also in tests
  const std::string line = g_format == LogFormat::kJson ? json_line(level, name, now, fields)
                                                        : human_line(level, name, now, fields);
  sink().log(spdlog::level::info, spdlog::string_view_t(line));
}

}  // namespace holdfast

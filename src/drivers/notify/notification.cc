#include "drivers/notify/notification.h"

#include <boost/json.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace holdfast::notify {
namespace {

constexpr std::array<std::string_view, 3> kSeverities{"info", "warning", "error"};
constexpr std::array<std::string_view, 3> kOutcomes{"delivered", "not_wanted", "failed"};

}  // namespace

std::string_view severity_name(Severity value) {
  return kSeverities.at(static_cast<size_t>(value));
}

Result<Severity> parse_severity(std::string_view text) {
  const auto found = std::find(kSeverities.begin(), kSeverities.end(), text);
  if (found == kSeverities.end()) {
    return Error(Code::kInvalidArgument, "a severity is info, warning or error")
        .with("given", std::string(text));
  }
  return static_cast<Severity>(found - kSeverities.begin());
}

Result<Notification> decode_notification(const Json& message) {
  std::vector<Problem> problems;
  ObjectReader reader(message, "", problems);
  Notification out;
  out.event = reader.string("event");
  out.subject = reader.string("subject");
  out.text = reader.string_or("text", "");
  if (auto severity = parse_severity(reader.string_or("severity", "info"))) {
    out.severity = *severity;
  } else {
    reader.problem("severity", severity.error().message());
  }
  if (const Json* fields = reader.value("fields")) {
    if (const JsonObject* object = fields->if_object()) {
      out.fields = *object;
    } else {
      reader.problem("fields", "must be an object");
    }
  }
  if (!problems.empty()) {
    return to_error(problems);
  }
  return out;
}

Json to_json(const Notification& notification) {
  return JsonObject{
      {"id", notification.dedup_key},    {"time", to_rfc3339(notification.time)},
      {"event", notification.event},     {"severity", severity_name(notification.severity)},
      {"subject", notification.subject}, {"text", notification.text},
      {"fields", notification.fields}};
}

Json to_json(const DeliveryRecord& record) {
  return JsonObject{{"channel", record.channel},
                    {"kind", record.kind},
                    {"id", record.dedup_key},
                    {"delivered", record.delivered()},
                    {"outcome", kOutcomes.at(static_cast<size_t>(record.outcome))},
                    {"detail", record.detail},
                    {"time", to_rfc3339(record.time)}};
}

}  // namespace holdfast::notify

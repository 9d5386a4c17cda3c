// What is told to people and programs, and the record of having told it.
#pragma once

#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/base/time.h"

namespace holdfast::notify {

enum class Severity { kInfo, kWarning, kError };  // in order: a higher one is worse
std::string_view severity_name(Severity value);   // "info", "warning", "error"
Result<Severity> parse_severity(std::string_view text);

struct Notification {
  // Names this message for receivers that see it twice: the same for every repetition. Not empty.
  std::string dedup_key;
  std::string event;  // dotted, e.g. "backup.failed"
  Severity severity = Severity::kInfo;
  std::string subject;  // one line
  std::string text;
  JsonObject fields;  // ids and numbers, for programs; never secrets
  UtcTime time;
  std::string traceparent;  // of the run that tells; may be empty
};

// What became of one notification on one channel. A failure is a value: whoever asked for the
// sending decides about a repetition.
struct DeliveryRecord {
  enum class Outcome { kDelivered, kNotWanted, kFailed };

  std::string channel;
  std::string kind;
  std::string dedup_key;
  Outcome outcome = Outcome::kFailed;
  Retry retry = Retry::kPermanent;  // of a failure
  std::string detail;               // one sentence
  UtcTime time;

  bool delivered() const { return outcome == Outcome::kDelivered; }
};

// Takes event, severity, subject, text and fields; kInvalidArgument lists what is wrong.
Result<Notification> decode_notification(const Json& message);
// As webhooks and log lines carry it: id, time, event, severity, subject, text, fields.
Json to_json(const Notification& notification);
Json to_json(const DeliveryRecord& record);

}  // namespace holdfast::notify

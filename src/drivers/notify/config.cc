#include "drivers/notify/config.h"

#include <algorithm>

#include "core/net/url.h"

namespace holdfast::notify {
namespace {

// "*", "backup.*" or a whole name; a star stands only at the end, after a dot.
bool is_event_pattern(std::string_view pattern) {
  const size_t star = pattern.find('*');
  return !pattern.empty() &&
         (star == std::string_view::npos ||
          (star == pattern.size() - 1 && (star == 0 || pattern[star - 1] == '.')));
}

bool matches(std::string_view pattern, std::string_view event) {
  return pattern.ends_with('*') ? event.starts_with(pattern.substr(0, pattern.size() - 1))
                                : pattern == event;
}

void check_path(ObjectReader& reader, std::string_view key, const std::string& path) {
  if (!path.empty() && !path.starts_with('/')) {
    reader.problem(key, "must be an absolute path");
  }
}

void check_only(ObjectReader& reader, std::string_view key, const std::string& value, bool belongs,
                std::string_view type) {
  if (!belongs && !value.empty()) {
    reader.problem(key, "does not belong to a channel of type " + std::string(type));
  }
}

void check_webhook(ObjectReader& reader, const ChannelConfig& channel) {
  if (channel.url.empty()) {
    reader.problem("url", "is required for a webhook");
  } else if (const auto url = net::parse_url(channel.url); !url) {
    reader.problem("url", url.error().message());
  }
}

}  // namespace

Result<ChannelConfig> decode_channel(const Json& document) {
  std::vector<Problem> problems;
  ObjectReader reader(document, "", problems);
  ChannelConfig channel;
  if (reader.string("kind") != "channel" && problems.empty()) {
    reader.problem("kind", "must be channel");
  }
  channel.name = reader.string("name");
  channel.type = reader.string("type");
  channel.url = reader.string_or("url", "");
  channel.secret_file = reader.string_or("secret_file", "");
  channel.file = reader.string_or("file", "");
  channel.events = reader.strings_or_empty("events");
  if (auto severity = parse_severity(reader.string_or("min_severity", "info"))) {
    channel.min_severity = *severity;
  } else {
    reader.problem("min_severity", severity.error().message());
  }
  reader.reject_unknown();

  const bool webhook = channel.type == "webhook";
  if (webhook) {
    check_webhook(reader, channel);
  } else if (!channel.type.empty() && channel.type != "log") {
    reader.problem("type", "must be log or webhook");
  }
  check_only(reader, "url", channel.url, webhook, "log");
  check_only(reader, "secret_file", channel.secret_file, webhook, "log");
  check_only(reader, "file", channel.file, !webhook, "webhook");
  check_path(reader, "secret_file", channel.secret_file);
  check_path(reader, "file", channel.file);
  for (const std::string& event : channel.events) {
    if (!is_event_pattern(event)) {
      reader.problem("events", "'" + event + "' is no event name; a star ends one, as in backup.*");
    }
  }
  if (!problems.empty()) {
    return to_error(problems);
  }
  return channel;
}

bool wants(const ChannelConfig& channel, const Notification& notification) {
  return notification.severity >= channel.min_severity &&
         (channel.events.empty() ||
          std::any_of(channel.events.begin(), channel.events.end(),
                      [&](const std::string& one) { return matches(one, notification.event); }));
}

}  // namespace holdfast::notify

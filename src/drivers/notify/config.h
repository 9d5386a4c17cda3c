// A notification channel as a document configures it, and what it wants to hear.
#pragma once

#include <string>
#include <vector>

#include "core/base/json.h"
#include "drivers/notify/notification.h"

namespace holdfast::notify {

// The document of kind `channel`:
//   name, type: log | webhook
//   url          webhook: where to POST; http or https
//   secret_file  webhook: absolute path of the signing secret; absent: unsigned
//   file         log: absolute path of a file of JSON lines; absent: the server's own log
//   events       names that are wanted, "backup.*" for all below a name; empty or absent: all
//   min_severity info (default), warning or error
struct ChannelConfig {
  std::string name;
  std::string type;
  std::string url;
  std::string secret_file;
  std::string file;
  std::vector<std::string> events;
  Severity min_severity = Severity::kInfo;
};

// kInvalidArgument lists every problem with its JSON pointer.
Result<ChannelConfig> decode_channel(const Json& document);

// Whether the channel's severity and events let this one through.
bool wants(const ChannelConfig& channel, const Notification& notification);

}  // namespace holdfast::notify

// Reader of server-sent events (the event-stream format of the HTML standard), byte by byte.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::net {

struct SseEvent {
  std::string event;  // "message" where the stream names none
  std::string id;     // the last id seen up to this event; for Last-Event-ID
  std::string data;   // lines joined by '\n'

  bool operator==(const SseEvent&) const = default;
};

// One parser reads one stream. How the bytes are cut into pieces makes no difference.
class SseParser {
 public:
  // `max_event_bytes` bounds the text of one event and one line.
  explicit SseParser(std::size_t max_event_bytes = 4u << 20) : max_(max_event_bytes) {}

  // Reads on and returns the events that these bytes complete. kResourceExhausted when an event is
  // longer than allowed; the parser then refuses everything that follows.
  Result<std::vector<SseEvent>> feed(std::string_view bytes);

  const std::string& last_event_id() const { return id_; }
  // How long the server asks a client to wait before it connects again.
  std::optional<Nanoseconds> retry() const { return retry_; }

 private:
  void end_line(std::vector<SseEvent>& out);
  void take_field(std::string_view name, std::string_view value);

  std::size_t max_;
  std::string line_;
  std::string event_;
  std::string data_;
  std::string id_;
  std::optional<Nanoseconds> retry_;
  bool first_line_ = true;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool failed_ = false;
};

}  // namespace holdfast::net

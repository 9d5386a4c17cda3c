#include "core/net/sse.h"

#include <fmt/core.h>

#include <charconv>

namespace holdfast::net {

Result<std::vector<SseEvent>> SseParser::feed(std::string_view bytes) {
  std::vector<SseEvent> events;
  for (const char c : bytes) {
    if (failed_ || line_.size() + data_.size() > max_) {
      failed_ = true;
      return Error(Code::kResourceExhausted,
                   fmt::format("an event of the stream is longer than {} bytes", max_));
    }
    const bool second_half = after_cr_ && c == '\n';  // a CRLF ends one line, not two
    after_cr_ = c == '\r';
    if (second_half) {
      continue;
    }
    if (c == '\r' || c == '\n') {
      end_line(events);
    } else {
      line_ += c;
    }
  }
  return events;
}

void SseParser::end_line(std::vector<SseEvent>& out) {
  std::string_view line = line_;
  if (first_line_ && line.starts_with("\xef\xbb\xbf")) {
    line.remove_prefix(3);  // a byte order mark may open the stream
  }
  first_line_ = false;
  if (line.empty()) {
    if (has_data_) {
      out.push_back({event_.empty() ? "message" : event_, id_, data_});
    }
    event_.clear();
    data_.clear();
    has_data_ = false;
  } else if (!line.starts_with(':')) {
    const size_t colon = std::min(line.find(':'), line.size());
    std::string_view value = line.substr(std::min(colon + 1, line.size()));
    if (value.starts_with(' ')) {
      value.remove_prefix(1);
    }
    take_field(line.substr(0, colon), value);
  }
  line_.clear();
}

void SseParser::take_field(std::string_view name, std::string_view value) {
  if (name == "data") {
    if (has_data_) {
      data_ += '\n';
    }
    data_ += value;
    has_data_ = true;
  } else if (name == "event") {
    event_ = value;
  } else if (name == "id") {
    if (value.find('\0') == std::string_view::npos) {
      id_ = value;
    }
  } else if (name == "retry") {
    constexpr std::int64_t kLongestMs = 3'600'000;
    std::int64_t ms = 0;
    const auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), ms);
    if (failure == std::errc() && end == value.data() + value.size() && ms >= 0) {
      retry_ = std::chrono::milliseconds(std::min(ms, kLongestMs));
    }
  }
}

}  // namespace holdfast::net

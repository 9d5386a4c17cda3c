// Absolute http and https addresses, taken apart (RFC 3986, without user information).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast::net {

struct Url {
  std::string scheme;      // "http" or "https"
  std::string host;        // lower case; an IPv6 address without its brackets
  std::uint16_t port = 0;  // the scheme's own when the text names none
  std::string path;        // as written, still percent-encoded; at least "/"
  std::string query;       // as written, without '?'

  // "host:port", with brackets round an IPv6 address: for messages and log lines.
  std::string authority() const;
  // The whole address again; a port is printed only where it is not the scheme's own.
  std::string to_string() const;
  bool is_loopback() const;  // 127.0.0.0/8, ::1 or localhost
};

// kInvalidArgument for anything but an absolute http or https address. A user name or password in
// it is refused, because addresses reach log lines; a fragment is dropped.
Result<Url> parse_url(std::string_view text);

// What a person gives as the address of a server, as one that paths are put behind: without a
// scheme it is http. kInvalidArgument: no address, or plain HTTP to another machine, which would
// show keys to the network.
Result<std::string> server_address(std::string_view text);

// Percent-encodes every byte but RFC 3986's unreserved ones; `keep_slash` leaves '/' too.
std::string url_encode(std::string_view text, bool keep_slash = false);

// Percent-decoding of one URL component; '+' is a space when `form` is set. Broken escapes stay.
std::string url_decode(std::string_view text, bool form = false);

}  // namespace holdfast::net

#include "core/net/url.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "core/base/bytes.h"

namespace holdfast::net {
namespace {

std::uint16_t own_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

Error bad(std::string_view why) {
  return Error(Code::kInvalidArgument, fmt::format("not an http or https address: {}", why));
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (failure != std::errc() || end != text.data() + text.size() || port == 0) {
    return bad("the port must be a number from 1 to 65535");
  }
  return port;
}

// host, host:port, [v6] or [v6]:port.
Status parse_authority(std::string_view text, Url& url) {
  if (text.find('@') != std::string_view::npos) {
    return bad("a user name or password does not belong in an address");
  }
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) {
      return bad("the IPv6 address has no closing bracket");
    }
    url.host = lower(text.substr(1, close - 1));
    rest = text.substr(close + 1);
    if (url.host.find_first_not_of("0123456789abcdef:.") != std::string::npos) {
      return bad("only an IPv6 address stands in brackets");
    }
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    url.host = lower(text.substr(0, colon));
    rest = text.substr(colon);
    if (!std::all_of(url.host.begin(), url.host.end(),
                     [](char c) { return is_alnum(c) || c == '-' || c == '.' || c == '_'; })) {
      return bad("the host name holds a character that no host name has");
    }
  }
  if (url.host.empty()) {
    return bad("the host is missing");
  }
  url.port = own_port(url.scheme);
  if (rest.empty()) {
    return {};
  }
  if (!rest.starts_with(':')) {
    return bad("only a port may follow the host");
  }
  HF_TRY(url.port, parse_port(rest.substr(1)));
  return {};
}

}  // namespace

std::string Url::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::string Url::to_string() const {
  std::string name = authority();
  if (port == own_port(scheme)) {
    name.resize(name.rfind(':'));
  }
  return scheme + "://" + name + path + (query.empty() ? "" : "?" + query);
}

bool Url::is_loopback() const {
  const bool v4 =
      host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return v4 || host == "::1" || host == "localhost";
}

Result<Url> parse_url(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f' || c == '\\') {
      return bad("it holds a space, a backslash or a control character");
    }
  }
  const size_t mark = text.find("://");
  if (mark == std::string_view::npos) {
    return bad("it must start with http:// or https://");
  }
  Url url;
  url.scheme = lower(text.substr(0, mark));
  if (url.scheme != "http" && url.scheme != "https") {
    return bad("it must start with http:// or https://");
  }
  text = text.substr(mark + 3);
  text = text.substr(0, text.find('#'));
  const size_t path = std::min(text.find_first_of("/?"), text.size());
  HF_TRY_VOID(parse_authority(text.substr(0, path), url));
  text = text.substr(path);
  const size_t question = std::min(text.find('?'), text.size());
  url.path = question == 0 ? "/" : std::string(text.substr(0, question));
  url.query = question == text.size() ? "" : std::string(text.substr(question + 1));
  return url;
}

Result<std::string> server_address(std::string_view text) {
  std::string full(text);
  if (full.find("://") == std::string::npos) {
    full = "http://" + full;
  }
  auto url = parse_url(full);
  if (!url) {
    return Error(
               Code::kInvalidArgument,
               fmt::format("'{}' is no server address; write it like http://127.0.0.1:7420", text))
        .caused_by(url.error());
  }
  if (url->scheme == "http" && !url->is_loopback()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{} is not this machine, and plain HTTP would show the key to the "
                             "network; use https://",
                             url->host));
  }
  url->query.clear();
  std::string address = url->to_string();
  while (address.ends_with('/')) {
    address.pop_back();
  }
  return address;
}

std::string url_encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    if (is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' || (keep_slash && c == '/')) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string url_decode(std::string_view text, bool form) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto hex = text[i] == '%' ? from_hex(text.substr(i + 1, 2)) : Result<Buffer>(Buffer());
    if (text[i] == '%' && hex && hex->size() == 1) {
      out += static_cast<char>(hex->front());
      i += 2;
    } else {
      out += form && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

}  // namespace holdfast::net

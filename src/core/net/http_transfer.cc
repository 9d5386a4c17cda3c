// The libcurl side of one request: its options, what arrives, and how it failed.
//
// Header and body bytes are counted here as they arrive, so that the limits hold for answers
// without a length too. Callbacks run inside curl on the client's thread and never block. Nothing
// of a request but its host and port appears in an error.

#include "core/net/http_transfer.h"

#include <fmt/core.h>

#include <algorithm>

namespace holdfast::net {
namespace {

constexpr std::size_t kMaxHeaderBytes = 128u << 10;

bool is_success(int status) { return status >= 200 && status < 300; }

bool is_idempotent(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" ||
         method == "OPTIONS";
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > ' ' && c < '\x7f' &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(c) == std::string_view::npos;
  });
}

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

size_t on_header(char* data, size_t one, size_t size, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, one * size);
  transfer.heard = true;
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > kMaxHeaderBytes) {
    transfer.refused = Error(Code::kResourceExhausted,
                             fmt::format("the answer of {} has more than {} bytes of headers",
                                         transfer.peer(), kMaxHeaderBytes));
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    transfer.response.headers.clear();  // a 1xx answer came before the real one
    return line.size();
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) {
    return line.size();
  }
  std::string name(trim(line.substr(0, colon)));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::string& value = transfer.response.headers[name];
  value += (value.empty() ? "" : ", ") + std::string(trim(line.substr(colon + 1)));
  return line.size();
}

size_t on_body(char* data, size_t one, size_t size, void* user) {
  Transfer& transfer = *static_cast<Transfer*>(user);
  const std::string_view bytes(data, one * size);
  transfer.heard = true;
  long status = 0;
  curl_easy_getinfo(transfer.easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (transfer.sink && is_success(static_cast<int>(status))) {
    if (!transfer.sink(bytes)) {
      transfer.sink_had_enough = true;
      return 0;
    }
    return bytes.size();
  }
  const std::size_t limit = transfer.request.max_response_bytes;
  if (bytes.size() > limit - std::min(limit, transfer.response.body.size())) {
    transfer.refused =
        Error(Code::kResourceExhausted,
              fmt::format("the answer of {} is larger than {} bytes", transfer.peer(), limit));
    return 0;
  }
  transfer.response.body += bytes;
  return bytes.size();
}

void prepare_body(Transfer& transfer) {
  CURL* easy = transfer.easy.get();
  const std::string& method = transfer.request.method;
  const std::string& body = transfer.request.body;
  if (method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());  // borrowed from the transfer
  }
  if (method != "GET" || !body.empty()) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
}

}  // namespace

Status validate(const ClientRequest& request) {
  if (!is_token(request.method)) {
    return Error(Code::kInvalidArgument, "the request method is not a word");
  }
  const auto is_bad = [](std::string_view value) {
    return std::any_of(value.begin(), value.end(), [](char c) {
      return (static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f';
    });
  };
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name) || is_bad(value)) {
      return Error(Code::kInvalidArgument,
                   "a request header holds a character that no header may have")
          .with("header", is_token(name) ? name : "(malformed name)");
    }
  }
  if (is_bad(request.traceparent)) {
    return Error(Code::kInvalidArgument, "the traceparent holds a control character");
  }
  return {};
}

Status prepare(Transfer& transfer, const ClientOptions& options) {
  transfer.easy.reset(curl_easy_init());
  if (!transfer.easy) {
    return Error(Code::kInternal, "curl gives no handle");
  }
  CURL* easy = transfer.easy.get();
  curl_slist* list = nullptr;
  const auto add = [&list](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list, line.c_str())) {
      list = longer;
    }
  };
  for (const auto& [name, value] : transfer.request.headers) {
    add(value.empty() ? name + ";" : name + ": " + value);  // curl's way to send an empty one
  }
  if (!transfer.request.traceparent.empty()) {
    add("traceparent: " + transfer.request.traceparent);
  }
  add("Expect:");  // never wait for 100-continue
  if (!transfer.request.headers.contains("content-type")) {
    add("Content-Type:");
  }
  transfer.header_list.reset(list);

  curl_easy_setopt(easy, CURLOPT_URL, transfer.url.to_string().c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, options.user_agent.c_str());
  curl_easy_setopt(easy, CURLOPT_PROXY, options.proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(
      easy, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(
          std::chrono::ceil<std::chrono::milliseconds>(options.connect_limit).count()));
  prepare_tls(transfer, options.tls);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer.error_text.data());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, &transfer);
  prepare_body(transfer);
  return {};
}

Error transfer_error(const Transfer& transfer, CURLcode code) {
  const std::string peer = transfer.peer();
  const char* detail =
      transfer.error_text[0] != '\0' ? transfer.error_text.data() : curl_easy_strerror(code);
  const auto text = [&](std::string_view what) {
    return fmt::format("{} {}: {}", what, peer, detail);
  };
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
      return Error(Code::kUnavailable, text("cannot connect to"), Retry::kTransient);
    case CURLE_OPERATION_TIMEDOUT:
      return Error(Code::kUnavailable, text("no connection in time to"), Retry::kTransient);
    case CURLE_SSL_CERTPROBLEM:
      return Error(Code::kInvalidArgument, text("cannot use the client certificate or key for"));
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      if (!transfer.shown_pin.empty()) {
        return Error(Code::kFailedPrecondition,
                     fmt::format("{} shows another certificate than the pinned one", peer))
            .with("sha256", transfer.shown_pin);
      }
      return Error(Code::kFailedPrecondition,
                   text("the certificate does not verify, give the right CA file for"));
    case CURLE_SSL_CACERT_BADFILE:
      return Error(Code::kInvalidArgument, text("cannot read the CA file used for"));
    case CURLE_SSL_CONNECT_ERROR:
      return Error(Code::kUnavailable, text("no TLS with"), Retry::kUnknown);
    case CURLE_URL_MALFORMAT:
      return Error(Code::kInvalidArgument, text("cannot use the address of"));
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:  // bytes without an HTTP status line
      return Error(Code::kUnavailable, text("no HTTP answer from"));
    default:
      return Error(Code::kUnavailable, text("the connection broke:"),
                   is_idempotent(transfer.request.method) ? Retry::kTransient : Retry::kUnknown);
  }
}

}  // namespace holdfast::net

// One HTTP request on its way through libcurl: private to the client.
#pragma once

#include <curl/curl.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/net/http_client.h"
#include "core/net/url.h"

namespace holdfast::net {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using TransferId = std::uint64_t;

// One request on its way. Made by the caller, then touched by the curl thread only until finish().
struct Transfer {
  ClientRequest request;
  Url url;
  BodySink sink;  // empty: collect the body
  std::move_only_function<void()> resume;
  std::optional<Result<ClientResponse>> outcome;

  TransferId id = 0;
  std::unique_ptr<CURL, FreeEasy> easy;
  std::unique_ptr<curl_slist, FreeList> header_list;
  std::array<char, CURL_ERROR_SIZE> error_text{};
  ClientResponse response;
  std::size_t header_bytes = 0;
  std::optional<Error> refused;  // why a callback of ours ended the transfer
  std::string expected_pin;      // lower-case hexadecimal; empty: none
  bool verify_authority = true;
  std::string shown_pin;  // of the certificate that was refused for not being the pinned one
  bool sink_had_enough = false;
  std::optional<MonoTime> deadline;
  bool heard = false;  // bytes came since the timer looked last
  MonoTime last_byte;
  env::TimerId timer = 0;

  std::string peer() const { return url.authority(); }
};

// What can be seen to be wrong before anything is sent.
Status validate(const ClientRequest& request);
// Makes the easy handle with all its options and callbacks. The handle borrows from the transfer,
// which must stay where it is until the handle has gone.
Status prepare(Transfer& transfer, const ClientOptions& options);
// Sets how the peer's certificate is judged and which one is shown to it.
void prepare_tls(Transfer& transfer, const TlsOptions& tls);
// The 64 digits of a pin in lower case, or an empty text for an empty one; kInvalidArgument else.
Result<std::string> normal_pin(std::string_view pin);
// The error of a transfer that curl ended with `code`.
Error transfer_error(const Transfer& transfer, CURLcode code);

}  // namespace holdfast::net

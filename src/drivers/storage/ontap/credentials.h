// What a request shows to be let in: the value of its authorization header.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "core/async/co.h"
#include "core/env/clock.h"
#include "core/net/http_client.h"
#include "drivers/storage/ontap/endpoint.h"

namespace holdfast::storage::ontap {

// Methods may be called from any thread.
class Credentials {
 public:
  // For OAuth2 it makes a client of its own for the authorization server.
  static Result<std::unique_ptr<Credentials>> create(env::Clock& clock, const Endpoint& endpoint);

  // Empty where the client certificate says it all. OAuth2: fetches a token when there is none that
  // is valid for another half minute. kUnauthenticated: the authorization server refuses.
  async::Co<Result<std::string>> authorization();
  // The system did not accept what authorization() gave: true when asking anew may help.
  bool refused();

 private:
  Credentials(env::Clock& clock, const Endpoint& endpoint) : clock_(clock), endpoint_(endpoint) {}
  async::Co<Result<std::string>> fetch_token();

  env::Clock& clock_;
  const Endpoint endpoint_;
  std::unique_ptr<net::HttpClient> token_client_;
  std::mutex mutex_;
  std::string token_;
  UtcTime valid_until_;
};

}  // namespace holdfast::storage::ontap

// Calls on one ONTAP cluster, directly or through a gateway, or on Unified Manager itself.
//
// Reads are repeated on transient errors; writes only when they were not taken (no connection, 429,
// 503 of a full queue). Whoever writes looks first whether it is done already, because the outcome
// of a write whose answer was lost is unknown. Every call waits for a place at the gate and asks
// the breaker. A request carries the trace of the coroutine that makes it (core/async/trace.h) as
// `traceparent` and `x-request-id`. Errors: errors.h for what the system refuses, net/http_client.h
// for the way there.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/async/co.h"
#include "core/base/json.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "core/net/http_client.h"
#include "drivers/storage/ontap/breaker.h"
#include "drivers/storage/ontap/credentials.h"
#include "drivers/storage/ontap/gate.h"

namespace holdfast::storage::ontap {

// In order; names and values are encoded by the client.
using Query = std::vector<std::pair<std::string, std::string>>;

// The way to a system: shared by everything that goes through it.
struct Route {
  env::Clock& clock;
  std::shared_ptr<net::HttpClient> http;
  std::shared_ptr<Credentials> credentials;
  std::string base_url;  // https://HOST[:PORT]
  // Spreads repetitions of several callers; nullptr: they wait exactly as long as the table says.
  env::Random* random = nullptr;
};

struct ClientSettings {
  std::string peer;             // for messages: "cluster east", "cluster c1 through um1"
  std::string prefix = "/api";  // or /api/gateways/UUID
  int max_requests = 8;
  int return_timeout = 5;     // seconds: how long a write waits for its job
  std::string application{};  // as the system names it in its statistics; empty: Holdfast/VERSION
};

struct Write {
  std::string method;  // POST, PATCH, DELETE
  std::string path;    // below the prefix, encoded
  Query query;
  Json body;         // null: none is sent
  std::string what;  // begins the sentence of an error: "create the snapshot"
  Nanoseconds deadline = std::chrono::minutes(10);  // with the job that it starts
  bool wait_briefly = true;                         // return_timeout; the private CLI knows none
  bool wait_for_job = true;                         // else Written::job names it
};

struct Written {
  Json body;        // {} where there was none; `records` where return_records was asked for
  std::string key;  // of what was made: the last part of Location
  std::string job;  // its uuid; empty: it was done at once
};

// Methods may be called from any thread; the client must outlive the coroutines.
class Client {
 public:
  Client(Route route, ClientSettings settings);

  const std::string& peer() const { return settings_.peer; }
  env::Clock& clock() { return route_.clock; }

  async::Co<Result<Json>> get(std::string path, Query query, std::string what);
  // All records, page after page.
  async::Co<Result<JsonArray>> list(std::string path, Query query, std::string what);
  // The one record that matches, or nothing. kConflict: several do.
  async::Co<Result<std::optional<Json>>> find_one(std::string path, Query query, std::string what);
  // Sends it and waits for the job that it starts, if it does.
  async::Co<Result<Written>> write(Write write);
  // Waits until the job has ended; answers the job. kDeadlineExceeded (transient) has its uuid as
  // context `job`: asking again goes on with it.
  async::Co<Result<Json>> wait_job(std::string uuid, std::string what, Nanoseconds deadline);

  // Requests sent so far, repetitions included.
  std::uint64_t requests() const { return requests_.load(); }
  BreakerState breaker() const { return breaker_.state(); }

 private:
  struct Call {
    std::string method = "GET";
    std::string target;  // path and query, encoded
    std::string body;
    std::string what;
  };
  struct Answer {
    int status = 0;
    Json body;
    std::string location;
  };

  async::Co<Result<Answer>> send(Call call);
  async::Co<Result<net::ClientResponse>> attempt(Call call);
  std::string target_of(const std::string& path, const Query& query) const;
  Result<std::string> next_target(const Json& page) const;

  Route route_;
  const ClientSettings settings_;
  Gate gate_;
  Breaker breaker_;
  std::atomic<std::uint64_t> requests_ = 0;
};

// Percent-encodes a path inside a volume for /storage/volumes/{u}/files/{path}: dots and slashes
// too, because the server resolves them otherwise.
std::string encode_file_path(std::string_view path);
// A value of a filter that stands for itself: the characters of the filter grammar are quoted.
std::string exactly(std::string_view value);

}  // namespace holdfast::storage::ontap

// What a command works with: the console and, when it needs it, the server.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/json.h"
#include "core/env/posix/system_clock.h"
#include "edge/cli/console.h"

namespace holdfast::cli {

class Session {
 public:
  explicit Session(Console& console);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Console& console() { return console_; }

  // One request to the server; `path` begins with /v1. A problem answer becomes its Error again.
  // kUnavailable: the server cannot be reached, and the message says where it was looked for.
  Result<Json> get(const std::string& path);
  Result<Json> post(const std::string& path, const Json& body);
  Result<Json> remove(const std::string& path);
  // All items of a list, page after page.
  Result<Json> list(const std::string& path);
  // Follows an event stream until `on_event` answers false or the stream ends; a server that has
  // been silent for a minute (it sends something every 15 s) is kDeadlineExceeded. `on_event` runs
  // on the client's own thread.
  Status events(const std::string& path,
                const std::function<bool(std::string_view event, const Json& data)>& on_event);

  env::Clock& clock() { return clock_; }
  // Blocks this thread.
  void pause(Nanoseconds duration);

 private:
  struct Connection;
  Result<Connection*> connect();
  Result<Json> send(const std::string& method, const std::string& path, const Json* body);

  Console& console_;
  env::SystemClock clock_;
  std::unique_ptr<Connection> connection_;
};

// What HOLDFAST_SERVER says as an address that paths are put behind; an empty text is the default
// server, and one without a scheme is http. kInvalidArgument: no address, or plain HTTP to another
// machine, which would show the key to the network.
Result<std::string> server_address(const std::string& text);

// A value as one segment of a path or one value of a query.
std::string url_encode(std::string_view text);

}  // namespace holdfast::cli

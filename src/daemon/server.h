// The composition root: from options to a running server. The only place that sees every room.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "core/base/result.h"

namespace holdfast::daemon {

struct Options {
  std::string
      data_dir;  // DIR: state.db, keys/, admin.token, lock, endpoint.json, repositories/, evidence/
  std::string listen_address = "127.0.0.1";
  std::uint16_t port = 7420;  // 0: any free one
  bool reset_admin = false;   // revoke the owner's key and make a new one
  std::string certificate_file;
  std::string private_key_file;
  std::string config_file;  // config.h; empty: the defaults
  // Ends the waiting of start(): for the database that another server has.
  std::stop_token stop;
  // Whether this process served before and lost its database: it waits for the database server.
  bool again = false;
};

// Destroying it stops the server: no new requests, running activities are asked to stop (they go on
// after the next start), everything is written.
class Server {
 public:
  // kInvalidArgument: the configuration file is wrong; kConflict: another server uses the directory
  // or the address; kFailedPrecondition: the state database was written by a newer Holdfast, or the
  // address needs TLS; kUnavailable: the database server does not answer; kCancelled: asked to stop
  // while it stood by. Where the state lies in PostgreSQL and another server is active, it waits,
  // answers 503, and returns when it has taken over.
  static Result<std::unique_ptr<Server>> start(const Options& options);
  virtual ~Server() = default;
  virtual std::string address() const = 0;  // http://127.0.0.1:7420
  // Returns when `stop` was asked for (true), or when this server lost its database to another one
  // or altogether (false): then it must be destroyed at once.
  virtual bool wait(std::stop_token stop) = 0;
};

// `holdfast serve`: starts, waits for SIGINT or SIGTERM, stops. Returns the exit code. A server
// that loses its database stops all its work, and stands by.
int serve(const Options& options);

}  // namespace holdfast::daemon

// One connection to a PostgreSQL server: libpq in pipeline mode behind values and errors.
//
// Statements are queued and go out together with the next one whose answer is wanted, in one
// message; so BEGIN, SAVEPOINT and RELEASE cost no round trip of their own. Each text is prepared
// once for each combination of parameter types; types follow the values, NULL has none.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/secret.h"
#include "core/db/session.h"

extern "C" {
struct pg_conn;
struct pg_result;
}

namespace holdfast::db {

// Where to connect: parsed once, used for every connection.
class PostgresAddress {
 public:
  // kInvalidArgument without the text itself, which may hold a password.
  static Result<PostgresAddress> parse(const SecretString& dsn, const SecretString& password);

  std::string describe() const;  // user@host:port/database
  const std::map<std::string, SecretString>& words() const { return words_; }

 private:
  std::map<std::string, SecretString> words_;
};

// What one statement answered.
struct PostgresAnswer {
  std::vector<Row> rows;
  std::int64_t changed = 0;
  std::string tag;  // "COMMIT", "INSERT 0 1"
};

class PostgresWire {
 public:
  // kUnavailable (transient): cannot connect now. Waits three seconds at most.
  static Result<std::unique_ptr<PostgresWire>> connect(const PostgresAddress& address);
  ~PostgresWire();
  PostgresWire(const PostgresWire&) = delete;
  PostgresWire& operator=(const PostgresWire&) = delete;

  // Puts a statement behind what is queued; nothing is sent. kInvalidArgument: a text that
  // PostgreSQL cannot hold.
  Status queue(std::string_view sql, const Values& values = {});
  // How much is queued, and forgetting what came after that.
  std::size_t queued() const { return queue_.size(); }
  void forget_after(std::size_t count);
  // Sends what is queued and returns the answer of the last one, or the first error; what follows
  // an error does nothing. An empty queue answers nothing. `timeout_ms` < 0: none.
  Result<PostgresAnswer> flush(int timeout_ms = -1);
  // queue() and flush().
  Result<PostgresAnswer> run(std::string_view sql, const Values& values = {});
  // Several statements without parameters, as they are. Nothing may be queued.
  Status script(const std::string& sql);

  // False: the connection has ended; nothing works any more. Looks at what arrived meanwhile.
  bool alive();
  bool dead() const { return dead_; }
  int server_version() const;  // 150018
  int backend_pid() const;

 private:
  struct Item {
    std::string sql;
    Values values;
  };
  struct Expected {
    std::string text;      // for errors
    std::string prepared;  // not empty: the key of a statement that this answer makes usable
  };
  explicit PostgresWire(pg_conn* connection) : connection_(connection) {}

  Error lost();
  bool send(const Item& item, std::vector<Expected>& expected);
  Result<PostgresAnswer> receive(const std::vector<Expected>& expected, int timeout_ms);
  pg_result* next_result(int timeout_ms);

  pg_conn* connection_;
  bool dead_ = false;
  std::vector<Item> queue_;
  std::map<std::string, std::string, std::less<>> prepared_;  // text and types -> name
  int next_name_ = 0;
};

}  // namespace holdfast::db

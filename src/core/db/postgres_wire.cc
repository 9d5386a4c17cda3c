// Pipeline mode: every statement is sent with its own answer expected, a Sync ends the message, and
// answers are read until the Sync comes back. After an error the server skips what follows up to
// the Sync. A connection that fails in any way is dead for good; its owner makes a new one.
#include "core/db/postgres_wire.h"

#include <libpq-fe.h>
#include <poll.h>

#include <fmt/core.h>

#include "core/db/postgres.h"
#include "core/db/postgres_dialect.h"
#include "core/db/postgres_values.h"

namespace holdfast::db {
namespace {

constexpr std::size_t kMostPrepared = 500;

// What a connection has unless the connection string says otherwise: a server that is gone without
// a word is noticed after about three seconds.
constexpr std::array<std::pair<const char*, const char*>, 7> kDefaults = {{
    {"connect_timeout", "3"},
    {"keepalives", "1"},
    {"keepalives_idle", "1"},
    {"keepalives_interval", "1"},
    {"keepalives_count", "2"},
    {"tcp_user_timeout", "3000"},
    {"fallback_application_name", "holdfast"},
}};

// The same from the server's side, so that the lock of a machine that is gone is free soon; and no
// time limit of the server's configuration may end what we do.
constexpr const char* kSettings =
    "SET tcp_keepalives_idle = 1; SET tcp_keepalives_interval = 1; SET tcp_keepalives_count = 2; "
    "SET tcp_user_timeout = 3000; SET statement_timeout = 0; SET lock_timeout = 0; "
    "SET idle_in_transaction_session_timeout = 0; SET standard_conforming_strings = on; "
    "SET bytea_output = hex; SET extra_float_digits = 1";

std::string key_of(std::string_view sql, const std::vector<Oid>& types) {
  std::string key(sql);
  for (const Oid type : types) {
    key += fmt::format("\n{}", type);
  }
  return key;
}

}  // namespace

Result<PostgresAddress> PostgresAddress::parse(const SecretString& dsn,
                                               const SecretString& password) {
  char* problem = nullptr;
  PQconninfoOption* options = PQconninfoParse(dsn.expose().c_str(), &problem);
  PQfreemem(problem);  // it may repeat parts of a password
  if (options == nullptr) {
    return Error(Code::kInvalidArgument,
                 "is no connection string for PostgreSQL; write "
                 "postgresql://USER@HOST:PORT/DATABASE, with %XX for special characters");
  }
  PostgresAddress address;
  for (const PQconninfoOption* option = options; option->keyword != nullptr; ++option) {
    if (option->val != nullptr) {
      address.words_[option->keyword] = SecretString(option->val);
    }
  }
  PQconninfoFree(options);
  for (const auto& [word, value] : kDefaults) {
    address.words_.try_emplace(word, value);
  }
  if (!password.empty()) {
    address.words_["password"] = password;
  }
  address.words_["client_encoding"] = SecretString("UTF8");
  return address;
}

std::string PostgresAddress::describe() const {
  const auto word = [this](const char* name, const char* otherwise) {
    const auto found = words_.find(name);
    return found == words_.end() || found->second.empty() ? std::string(otherwise)
                                                          : found->second.expose();
  };
  const std::string user = word("user", "");
  const std::string port = word("port", "");
  return fmt::format("{}{}{}{}/{}", user, user.empty() ? "" : "@",
                     word("host", word("hostaddr", "localhost").c_str()),
                     port.empty() ? "" : ":" + port, word("dbname", user.c_str()));
}

Result<std::string> describe_postgres(const SecretString& dsn) {
  HF_TRY(const PostgresAddress address, PostgresAddress::parse(dsn, {}));
  return address.describe();
}

Result<std::unique_ptr<PostgresWire>> PostgresWire::connect(const PostgresAddress& address) {
  std::vector<const char*> words;
  std::vector<const char*> values;
  for (const auto& [word, value] : address.words()) {
    words.push_back(word.c_str());
    values.push_back(value.expose().c_str());
  }
  words.push_back(nullptr);
  values.push_back(nullptr);
  std::unique_ptr<PostgresWire> wire(
      new PostgresWire(PQconnectdbParams(words.data(), values.data(), /*expand_dbname=*/0)));
  PQsetNoticeProcessor(wire->connection_, [](void*, const char*) {}, nullptr);
  if (PQstatus(wire->connection_) != CONNECTION_OK) {
    std::string why = PQerrorMessage(wire->connection_);
    std::erase_if(why, [](char c) { return c == '\t'; });
    std::ranges::replace(why, '\n', ' ');
    return Error(Code::kUnavailable, "cannot connect to the database server", Retry::kTransient)
        .with("server", address.describe())
        .with("postgres", why.substr(0, why.find_last_not_of(' ') + 1));
  }
  HF_TRY_VOID(wire->script(kSettings));
  return wire;
}

PostgresWire::~PostgresWire() { PQfinish(connection_); }

int PostgresWire::server_version() const { return PQserverVersion(connection_); }
int PostgresWire::backend_pid() const { return PQbackendPID(connection_); }

Error PostgresWire::lost() {
  dead_ = true;
  queue_.clear();
  return postgres_lost(PQerrorMessage(connection_));
}

Status PostgresWire::queue(std::string_view sql, const Values& values) {
  if (dead_) {
    return lost();
  }
  HF_TRY_VOID(check_texts(values));
  queue_.push_back({std::string(sql), values});
  return {};
}

void PostgresWire::forget_after(std::size_t count) {
  if (queue_.size() > count) {
    queue_.resize(count);
  }
}

bool PostgresWire::send(const Item& item, std::vector<Expected>& expected) {
  const PostgresParameters parameters(item.values);
  const int count = static_cast<int>(item.values.size());
  std::string key = key_of(item.sql, parameters.types);
  auto found = prepared_.find(key);
  if (found == prepared_.end()) {
    const std::string name = fmt::format("s{}", next_name_++);
    const std::string text = to_postgres_parameters(item.sql);
    if (PQsendPrepare(connection_, name.c_str(), text.c_str(), count, parameters.types.data()) !=
        1) {
      return false;
    }
    found = prepared_.emplace(key, name).first;
    expected.push_back({item.sql, std::move(key)});
  }
  expected.push_back({item.sql, ""});
  return PQsendQueryPrepared(connection_, found->second.c_str(), count, parameters.data.data(),
                             parameters.lengths.data(), parameters.formats.data(),
                             /*resultFormat=*/0) == 1;
}

Result<PostgresAnswer> PostgresWire::flush(int timeout_ms) {
  if (dead_) {
    return lost();
  }
  if (queue_.empty()) {
    return PostgresAnswer();
  }
  std::vector<Expected> expected;
  bool sent = PQenterPipelineMode(connection_) == 1;
  if (prepared_.size() >= kMostPrepared && PQtransactionStatus(connection_) != PQTRANS_INERROR) {
    sent = sent && PQsendQueryParams(connection_, "DEALLOCATE ALL", 0, nullptr, nullptr, nullptr,
                                     nullptr, /*resultFormat=*/0) == 1;
    prepared_.clear();
    expected.push_back({"DEALLOCATE ALL", ""});
  }
  for (const Item& item : queue_) {
    sent = sent && send(item, expected);
  }
  queue_.clear();
  if (!sent || PQpipelineSync(connection_) != 1) {
    return lost();
  }
  return receive(expected, timeout_ms);
}

PGresult* PostgresWire::next_result(int timeout_ms) {
  while (PQisBusy(connection_) != 0) {
    pollfd wait{PQsocket(connection_), POLLIN, 0};
    const int ready = ::poll(&wait, 1, timeout_ms);
    if (ready == 0) {
      dead_ = true;
      return nullptr;
    }
    if (ready > 0 && PQconsumeInput(connection_) != 1) {
      break;
    }
  }
  return PQgetResult(connection_);
}

Result<PostgresAnswer> PostgresWire::receive(const std::vector<Expected>& expected,
                                             int timeout_ms) {
  PostgresAnswer answer;
  std::optional<Error> error;
  for (const Expected& one : expected) {
    const PostgresResult result(next_result(timeout_ms));
    const ExecStatusType status = PQresultStatus(result.get());
    const bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!result || PQstatus(connection_) != CONNECTION_OK || status == PGRES_PIPELINE_SYNC) {
      return lost();
    }
    if (!good && !one.prepared.empty()) {
      prepared_.erase(one.prepared);
    }
    if (!good && !error) {
      error = postgres_error(result.get(), one.text);
      dead_ = dead_ || ends_connection(result.get());
    } else if (good && one.prepared.empty()) {
      answer = answer_of(result.get());
    }
    if (const PostgresResult end(dead_ ? nullptr : next_result(timeout_ms)); end || dead_) {
      return dead_ && error ? *error : lost();
    }
  }
  const PostgresResult sync(next_result(timeout_ms));
  if (PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC) {
    return lost();
  }
  if (error) {
    return *std::move(error);
  }
  return answer;
}

Result<PostgresAnswer> PostgresWire::run(std::string_view sql, const Values& values) {
  HF_TRY_VOID(queue(sql, values));
  return flush();
}

Status PostgresWire::script(const std::string& sql) {
  HF_TRY_VOID(status_of(flush()));
  if (PQexitPipelineMode(connection_) != 1) {
    return lost();
  }
  const PostgresResult result(PQexec(connection_, sql.c_str()));
  if (PQstatus(connection_) != CONNECTION_OK) {
    return lost();
  }
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_EMPTY_QUERY) {
    dead_ = ends_connection(result.get());
    return postgres_error(result.get(), sql);
  }
  return {};
}

bool PostgresWire::alive() {
  pollfd look{PQsocket(connection_), POLLIN, 0};
  while (!dead_ && ::poll(&look, 1, 0) > 0) {
    if (PQconsumeInput(connection_) != 1) {
      dead_ = true;
    }
    (void)PQisBusy(connection_);  // takes up notices
  }
  dead_ = dead_ || PQstatus(connection_) != CONNECTION_OK;
  return !dead_;
}

}  // namespace holdfast::db

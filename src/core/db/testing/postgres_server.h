// For tests: a PostgreSQL server of this process's own, in a folder and on a socket of its own.
//
// Started when first asked for, by the programs that HOLDFAST_POSTGRES_BIN, `pg_config` or Debian's
// packages give; as user `nobody` when this is root, because the server refuses root. It dies with
// the process. Use it from the main thread.
#pragma once

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "core/async/run.h"
#include "core/db/postgres_wire.h"
#include "core/env/posix/system_clock.h"

namespace holdfast::db {

class PostgresServer {
 public:
  // nullptr: there are no server programs here.
  static PostgresServer* instance() {
    static PostgresServer server;
    return server.pid_ > 0 ? &server : nullptr;
  }
  // Where its socket is: the "host" of a connection string.
  const std::string& folder() const { return folder_; }

  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer() {
    end(SIGQUIT);
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // A connection string; with a schema, that is where tables are made and looked for.
  SecretString dsn(const std::string& schema = "") const {
    std::string text = fmt::format("host={} user=holdfast dbname=postgres", folder_);
    if (!schema.empty()) {
      text += fmt::format(" options='-c search_path={}'", schema);
    }
    return SecretString(text);
  }
  std::unique_ptr<PostgresWire> connect() const {
    return *PostgresWire::connect(*PostgresAddress::parse(dsn(), {}));
  }
  // Runs one statement on a connection of its own.
  void run(const std::string& sql) const { check(status_of(connect()->run(sql))); }

  // Ends every connection of this schema's users but our own; gives their number.
  std::int64_t cut(const std::string& schema) const {
    const auto ended = connect()->run(
        "SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a WHERE a.pid <> "
        "pg_backend_pid() AND a.application_name = ?1",
        {schema});
    return ended->rows.front().integer(0);
  }

  // From now on commits wait for the disk, as they do outside of tests.
  void make_durable() {
    fsync_ = "fsync=on";
    restart();
  }

  // As `pg_ctl restart -m immediate`: every connection ends, what was committed is recovered.
  void restart() {
    end(SIGQUIT);
    start();
  }
  void stop() { end(SIGQUIT); }
  void start() {
    pid_ = spawn({bin_ + "/postgres", "-D", folder_ + "/data", "-k", folder_, "-c",
                  "listen_addresses=", "-c", fsync_, "-c", "max_connections=200"});
    env::SystemClock clock;
    const auto address = *PostgresAddress::parse(dsn(), {});
    while (!PostgresWire::connect(address)) {
      check(::waitpid(pid_, nullptr, WNOHANG) == 0
                ? Status()
                : Status(Error(Code::kInternal,
                               "the test's PostgreSQL server ended; see log in " + folder_)));
      (void)async::wait_blocking(clock, std::chrono::milliseconds(10), {});
    }
  }

 private:
  PostgresServer() : bin_(find_programs()) {
    if (bin_.empty()) {
      return;
    }
    std::string pattern = "/tmp/holdfast-pg-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    if (::geteuid() == 0) {
      check(::chown(folder_.c_str(), kNobody, kNobody) == 0
                ? Status()
                : Status(Error(Code::kInternal, "cannot give the folder to nobody")));
    }
    int status = 0;
    ::waitpid(spawn({bin_ + "/initdb", "-N", "-A", "trust", "-U", "holdfast", "-E", "UTF8",
                     "--locale=C.UTF-8", "-D", folder_ + "/data"}),
              &status, 0);
    check(status == 0 ? Status()
                      : Status(Error(Code::kInternal, "initdb failed; see log in " + folder_)));
    start();
  }

  static std::string find_programs() {
    std::vector<std::string> folders;
    if (const char* named = ::getenv("HOLDFAST_POSTGRES_BIN")) {
      folders.emplace_back(named);
    }
    std::error_code none;
    for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", none)) {
      folders.push_back(version.path().string() + "/bin");
    }
    folders.emplace_back("/usr/local/bin");
    for (const std::string& folder : folders) {
      if (::access((folder + "/initdb").c_str(), X_OK) == 0 &&
          ::access((folder + "/postgres").c_str(), X_OK) == 0) {
        return folder;
      }
    }
    return "";
  }

  pid_t spawn(std::vector<std::string> words) const {
    std::vector<char*> argv;
    for (std::string& word : words) {
      argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    const std::string log = folder_ + "/log";
    const pid_t pid = ::fork();
    if (pid != 0) {
      return pid;
    }
    if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
      ::_exit(126);
    }
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, 1);
    ::dup2(out, 2);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  void end(int how) {
    if (pid_ > 0) {
      ::kill(pid_, how);
      ::waitpid(pid_, nullptr, 0);
      pid_ = 0;
    }
  }

  static void check(const Status& status) {
    if (!status) {
      fmt::print(stderr, "{}\n", status.error().to_string());
      ::_exit(1);
    }
  }

  static constexpr int kNobody = 65534;
  std::string bin_;
  std::string folder_;
  std::string fsync_ = "fsync=off";
  pid_t pid_ = 0;
};

}  // namespace holdfast::db

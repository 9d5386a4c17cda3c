#include "daemon/state.h"

#include <filesystem>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/db/postgres.h"
#include "core/env/posix/atomic_file.h"
#include "daemon/data_dir.h"

namespace holdfast::daemon {
namespace {

constexpr Nanoseconds kAskEvery = std::chrono::milliseconds(500);

Result<SecretString> read_password(const std::string& file) {
  if (file.empty()) {
    return SecretString();
  }
  auto text = env::read_small_file(file);
  if (!text) {
    return std::move(text).error().with("field", "state.postgres.password_file");
  }
  while (text->ends_with('\n')) {
    text->pop_back();
  }
  return SecretString(*std::move(text));
}

// Asks for the database until it is ours.
Result<std::unique_ptr<db::Database>> stand_by(const StateOptions& options,
                                               const db::PostgresOptions& server,
                                               const db::Migrations& migrations) {
  bool waits = options.again;
  bool told = false;
  while (true) {
    auto opened = db::Database::open(server, migrations);
    if (opened) {
      return opened;
    }
    const Error& error = opened.error();
    if (error.code() == Code::kConflict && !told) {
      std::string active;
      for (const auto& [key, value] : error.context()) {
        active = key == "active" ? value : active;
      }
      log_info("server.standing_by", {{"active", active}});
      HF_TRY_VOID(options.standing_by(active));
      waits = told = true;
    }
    if (error.retry() != Retry::kTransient || !waits) {
      return opened;
    }
    if (!async::wait_blocking(options.clock, kAskEvery, options.stop)) {
      return Error(Code::kCancelled, "asked to stop before the database was ours");
    }
  }
}

}  // namespace

std::string server_name(const std::string& host, const std::string& data_dir) {
  std::error_code failed;
  const auto path = std::filesystem::canonical(data_dir, failed);
  return host + ":" + (failed ? data_dir : path.string());
}

Result<std::unique_ptr<db::Database>> open_state(const StateOptions& options,
                                                 const db::Migrations& migrations) {
  if (options.config.postgres.empty()) {
    db::Options how;
    how.durability = options.config.durability;
    return db::Database::open(state_file(options.data_dir), migrations, how);
  }
  db::PostgresOptions server;
  server.dsn = options.config.postgres;
  HF_TRY(server.password, read_password(options.config.postgres_password_file));
  server.holder = server_name(options.host, options.data_dir);
  server.stop = options.stop;
  server.on_lost = options.on_lost;
  return stand_by(options, server, migrations);
}

}  // namespace holdfast::daemon

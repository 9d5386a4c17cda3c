// What every verb of `holdfast repo` needs: the opened repository, the output, the stop signal.
#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/env/posix/posix_file_system.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "edge/cli/repo_options.h"
#include "engine/repo/repository.h"

namespace holdfast::cli {

// Exit codes as restic has them.
inline constexpr int kExitOk = 0;
inline constexpr int kExitError = 1;
inline constexpr int kExitPartial = 3;
inline constexpr int kExitNoRepository = 10;
inline constexpr int kExitLocked = 11;
inline constexpr int kExitWrongPassword = 12;
inline constexpr int kExitInterrupted = 130;

class RepoSession {
 public:
  RepoSession(RepoArguments arguments, std::stop_token stop)
      : args(std::move(arguments)), stop_token(std::move(stop)) {}

  // By -r / RESTIC_REPOSITORY and the password options or variables.
  Status open();
  Result<std::unique_ptr<repo::Repository>> open_at(const std::string& location,
                                                    const SecretString& password);
  Result<std::unique_ptr<repo::Repository>> init_at(const std::string& location,
                                                    const SecretString& password,
                                                    repo::InitOptions options);
  Result<std::string> location() const;
  // From `<prefix>password-file` or, without a prefix, the variables.
  Result<SecretString> password(const std::string& prefix = {});

  bool json() const { return args.has("json"); }
  bool quiet() const { return args.has("quiet"); }
  void print(const std::string& line) const;  // stdout, printable()
  void print_json(const Json& value) const;   // stdout, one line
  void warn(const std::string& line) const;   // stderr, printable()
  // Ids or prefixes of the words from `first` on, as snapshots.
  Result<std::vector<repo::Snapshot>> snapshots_of_words(std::size_t first);

  RepoArguments args;
  std::stop_token stop_token;
  env::SystemClock clock;
  env::SystemRandom random;
  env::PosixFileSystem files;
  std::unique_ptr<repo::Repository> repository;
};

JsonObject snapshot_json(const repo::Snapshot& snapshot);

// The verbs; each answers with the exit code, or an error whose code gives it.
Result<int> repo_init(RepoSession& session);
Result<int> repo_backup(RepoSession& session);
Result<int> repo_restore(RepoSession& session);
Result<int> repo_snapshots(RepoSession& session);
Result<int> repo_ls(RepoSession& session);
Result<int> repo_cat(RepoSession& session);
Result<int> repo_stats(RepoSession& session);
Result<int> repo_check(RepoSession& session);
Result<int> repo_forget(RepoSession& session);
Result<int> repo_prune(RepoSession& session);
Result<int> repo_copy(RepoSession& session);
Result<int> repo_unlock(RepoSession& session);
Result<int> repo_key(RepoSession& session);

}  // namespace holdfast::cli

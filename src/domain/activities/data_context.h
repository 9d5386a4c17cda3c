// What data activities stand on: no database, no configuration. The server and an agent make one
// each.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "core/async/pool.h"
#include "core/env/clock.h"
#include "core/env/file_system.h"
#include "core/env/random.h"
#include "domain/activities/data_types.h"
#include "drivers/storage/driver.h"
#include "engine/repo/repository.h"

namespace holdfast::activities {

// Everything in it outlives it.
class DataContext {
 public:
  DataContext(env::Clock& clock, env::Random& random, env::FileSystem& files,
              async::Pool& blocking);
  ~DataContext();

  env::Clock& clock() const { return clock_; }
  env::FileSystem& files() const { return files_; }
  // For calls that wait on the driver's pool from a thread that may block.
  async::Pool& blocking() const { return blocking_; }

  // kInvalidArgument for a kind that does not exist.
  Result<storage::Driver*> driver(const std::string& kind) const;
  // Opens the repository with the password in its file. Errors as Repository::open, and the
  // password file's own.
  Result<std::unique_ptr<repo::Repository>> open(const RepositoryRef& repository) const;
  // Whether the repository's storage answers and holds one; does not need the key.
  Status reachable(const RepositoryRef& repository) const;
  // Makes a repository; with `like`, with the chunker of that one, so that copies are cheap.
  Status init(const RepositoryRef& repository, const RepositoryRef* like) const;

 private:
  Result<SecretString> password_of(const RepositoryRef& repository) const;
  repo::Environment environment() const;

  env::Clock& clock_;
  env::Random& random_;
  env::FileSystem& files_;
  async::Pool& blocking_;
  std::shared_ptr<repo::OpenedKeys> opened_keys_ = std::make_shared<repo::OpenedKeys>();
  std::map<std::string, std::unique_ptr<storage::Driver>> drivers_;
};

}  // namespace holdfast::activities

// What data activities stand on: no database, no configuration. The server and an agent make one
// each.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/async/pool.h"
#include "core/async/trace.h"
#include "core/env/clock.h"
#include "core/env/file_system.h"
#include "core/env/random.h"
#include "domain/activities/data_types.h"
#include "drivers/storage/driver.h"
#include "drivers/storage/ontap/systems.h"
#include "engine/repo/repository.h"
#include "flow/activity.h"

namespace holdfast::activities {

// What an agent's host has of its own. The server has none of it: there, plans say it all.
struct OwnPlaces {
  // By name, with location and key file on this host. A repository that is not in it cannot be
  // used.
  std::map<std::string, RepositoryRef> repositories;
  std::string scratch_dir;
};

class RunLooks;  // run_looks.h

// Everything in it outlives it.
class DataContext {
 public:
  DataContext(env::Clock& clock, env::Random& random, env::FileSystem& files, async::Pool& blocking,
              std::optional<OwnPlaces> own = std::nullopt);
  ~DataContext();

  env::Clock& clock() const { return clock_; }
  env::FileSystem& files() const { return files_; }
  // For calls that wait on the driver's pool from a thread that may block.
  async::Pool& blocking() const { return blocking_; }

  // Where this host has the repository that a plan names. kFailedPrecondition: an agent without it.
  Result<RepositoryRef> here(const RepositoryRef& repository) const;
  // The directory in which this host proves the point of a run; `planned` is the server's.
  Result<std::string> scratch(const std::string& planned) const;
  // The storage systems behind the driver ontap; none until somebody adds one.
  storage::ontap::Systems& systems() const { return *systems_; }
  // kInvalidArgument for a kind that does not exist.
  Result<storage::Driver*> driver(const std::string& kind) const;
  // The volume of a path for one operation: within half a minute, the steps of a run's first
  // attempts share one look at a storage system; everybody else, and drivers of what lies here,
  // look anew. Errors as Driver::look(). Blocks.
  Result<storage::Volume> look(storage::Driver& driver, const std::string& path,
                               const flow::ActivityInfo& step) const;
  // For blocking on coroutines of drivers: their calls say which run they are made for, if this
  // thread works for one.
  async::Executor executor() const { return async::traced(blocking_.executor()); }
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
  const std::optional<OwnPlaces> own_;
  std::shared_ptr<repo::OpenedKeys> opened_keys_ = std::make_shared<repo::OpenedKeys>();
  std::unique_ptr<storage::ontap::Systems> systems_;
  std::unique_ptr<RunLooks> looks_;
  std::map<std::string, std::unique_ptr<storage::Driver>> drivers_;
};

}  // namespace holdfast::activities

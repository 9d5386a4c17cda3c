// The storage systems that are configured, the clusters behind them, and which local directory is
// which junction.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "drivers/storage/ontap/client.h"
#include "drivers/storage/ontap/endpoint.h"

namespace holdfast::storage::ontap {

struct Version {
  std::int64_t generation = 0;
  std::int64_t major = 0;
  std::int64_t minor = 0;
  std::string text;
  auto operator<=>(const Version&) const = default;
};
Version version_from(const Json& cluster);
bool at_least(const Version& version, std::int64_t major, std::int64_t minor);  // of generation 9

// FlexClones of groups, snapshot locking and deletes past the recovery queue came with 9.12.
inline constexpr std::int64_t kLeastMajor = 12;

struct Cluster {
  std::string uuid;
  std::string name;
  Version version;  // zero: it did not answer when the gateway was asked
  std::string system;
  bool through_gateway = false;
  std::shared_ptr<Client> client;
};
using ClusterPtr = std::shared_ptr<const Cluster>;
// kFailedPrecondition: its release is too old. One that has not answered yet is not judged.
Status check_release(const Cluster& cluster);

// One configured system. Methods may be called from any thread.
class System {
 public:
  static Result<std::shared_ptr<System>> create(env::Clock& clock, Endpoint endpoint,
                                                env::Random* random = nullptr);

  const Endpoint& endpoint() const { return endpoint_; }
  // Calls on the system itself: the cluster, or Unified Manager.
  Client& root() { return *root_; }
  // The cluster, or those that the gateway lists; asked once, and again when some did not answer.
  async::Co<Result<std::vector<ClusterPtr>>> clusters();
  // Asks again which clusters there are and what they run. Those that are known keep their limits
  // and breakers; on an error everything stays as it was.
  async::Co<Status> refresh();

 private:
  System(Route route, Endpoint endpoint);
  async::Co<Result<std::vector<ClusterPtr>>> ask();
  // The one that is known by this uuid; empty: none is.
  ClusterPtr known(const std::string& uuid) const;

  const Route route_;
  const Endpoint endpoint_;
  std::shared_ptr<Client> root_;
  mutable std::mutex mutex_;
  std::vector<ClusterPtr> clusters_;
};

// Where a local directory lies on a system.
struct Place {
  std::shared_ptr<System> system;
  std::string cluster;  // as the mount names it; empty: any cluster that has the SVM
  std::string svm;
  std::string junction;  // of the directory: "/vol1/sub"
  std::string mounted;   // junction of the mount: "/vol1"
  std::string local;     // where that is mounted
};

// All of them. Methods may be called from any thread; a removed system lives until its last call.
class Systems {
 public:
  // `random` spreads repeated requests; nullptr: they are not spread.
  explicit Systems(env::Clock& clock, env::Random* random = nullptr)
      : clock_(clock), random_(random) {}

  env::Clock& clock() { return clock_; }
  // Adds it, or replaces the one of this name.
  Status put(Endpoint endpoint);
  void remove(const std::string& name);
  std::vector<std::shared_ptr<System>> all() const;
  std::shared_ptr<System> find(const std::string& name) const;
  // Differs after every change of the list.
  std::uint64_t generation() const;

  // The longest mount that holds this real path. Blocks for a few system calls.
  std::optional<Place> place_of(const std::string& path) const;
  // Where a junction of an SVM can be seen locally; empty: nowhere.
  std::string local_path(const Cluster& cluster, const std::string& svm,
                         const std::string& junction) const;

  // kNotFound: no configured system has it; kUnavailable, when some system did not answer;
  // kFailedPrecondition: its release is too old.
  async::Co<Result<ClusterPtr>> cluster(std::string uuid);
  // Every cluster that answers; those that do not are in `problems`.
  async::Co<std::vector<ClusterPtr>> all_clusters(std::vector<std::string>* problems);

 private:
  env::Clock& clock_;
  env::Random* random_;
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<System>> systems_;
  std::uint64_t generation_ = 0;
};

}  // namespace holdfast::storage::ontap

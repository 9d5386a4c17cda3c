#include "drivers/storage/ontap/systems.h"

#include <fmt/core.h>
#include <stdlib.h>

#include <algorithm>
#include <set>

#include "core/base/log.h"
#include "core/net/url.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

struct Mount {
  std::string cluster;
  std::string svm;
  std::string junction;
};

// "svm:/junction" or "cluster/svm:/junction"; the document's decoder has checked it.
Mount parse_mount(const std::string& key) {
  const size_t colon = key.find(":/");
  const std::string owner = key.substr(0, colon);
  const size_t slash = owner.find('/');
  const bool named = slash != std::string::npos;
  return {.cluster = named ? owner.substr(0, slash) : "",
          .svm = named ? owner.substr(slash + 1) : owner,
          .junction = key.substr(colon + 1)};
}

bool is_at_or_below(const std::string& path, const std::string& directory) {
  return directory == "/" || path == directory ||
         (path.starts_with(directory) && path[directory.size()] == '/');
}

// Both without a slash at the end; `rest` begins with a slash or is empty.
std::string join(const std::string& directory, const std::string& rest) {
  return directory == "/" ? (rest.empty() ? "/" : rest) : directory + rest;
}

std::string real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(path.c_str(), nullptr), &::free);
  return real ? std::string(real.get()) : path;
}

Cluster cluster_from(const Json& answer, const Endpoint& endpoint, std::shared_ptr<Client> client) {
  Cluster cluster;
  cluster.uuid = get_string(answer, "uuid");
  cluster.name = get_string(answer, "name");
  cluster.version = version_from(answer);
  cluster.system = endpoint.name;
  cluster.through_gateway = endpoint.kind == SystemKind::kUnifiedManager;
  cluster.client = std::move(client);
  return cluster;
}

}  // namespace

Version version_from(const Json& cluster) {
  Version version;
  if (const Json* fields = find(cluster, "version")) {
    version.generation = get_int(*fields, "generation");
    version.major = get_int(*fields, "major");
    version.minor = get_int(*fields, "minor");
    version.text = get_string(*fields, "full");
  }
  return version;
}

bool at_least(const Version& version, std::int64_t major, std::int64_t minor) {
  return std::tuple(version.generation, version.major, version.minor) >=
         std::tuple(std::int64_t{9}, major, minor);
}

System::System(Route route, Endpoint endpoint)
    : route_(std::move(route)), endpoint_(std::move(endpoint)) {
  const bool cluster = endpoint_.kind == SystemKind::kCluster;
  root_ = std::make_shared<Client>(
      route_, ClientSettings{(cluster ? "cluster " : "Unified Manager ") + endpoint_.name, "/api",
                             endpoint_.max_requests, endpoint_.return_timeout});
}

Status check_release(const Cluster& cluster) {
  if (cluster.version.generation == 0 || at_least(cluster.version, kLeastMajor, 0)) {
    return {};
  }
  return Error(Code::kFailedPrecondition,
               fmt::format("cluster {} runs {}, and Holdfast needs ONTAP 9.{} or newer: update it",
                           cluster.name, cluster.version.text, kLeastMajor))
      .with("system", cluster.system);
}

Result<std::shared_ptr<System>> System::create(env::Clock& clock, Endpoint endpoint,
                                               env::Random* random) {
  net::ClientOptions options;
  options.tls = endpoint.tls;
  constexpr int kMostConnections = 128;
  options.max_connections = kMostConnections;
  options.max_connections_per_host = kMostConnections;  // the gates are the limit
  HF_TRY(auto http, net::HttpClient::create(clock, options));
  HF_TRY(auto credentials, Credentials::create(clock, endpoint));
  Route route{clock, std::move(http), std::move(credentials), endpoint.base_url, random};
  return std::shared_ptr<System>(new System(std::move(route), std::move(endpoint)));
}

Co<Result<std::vector<ClusterPtr>>> System::clusters() {
  {
    const std::lock_guard lock(mutex_);
    const bool complete = !clusters_.empty() &&
                          std::all_of(clusters_.begin(), clusters_.end(),
                                      [](const auto& one) { return one->version.generation != 0; });
    if (complete) {
      co_return clusters_;
    }
  }
  HF_CO_TRY(auto asked, co_await ask());
  const std::lock_guard lock(mutex_);
  clusters_ = asked;
  co_return asked;
}

Co<Status> System::refresh() {
  HF_CO_TRY(auto asked, co_await ask());
  const std::lock_guard lock(mutex_);
  clusters_ = std::move(asked);
  co_return Status();
}

ClusterPtr System::known(const std::string& uuid) const {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(clusters_.begin(), clusters_.end(),
                                  [&](const ClusterPtr& one) { return one->uuid == uuid; });
  return found == clusters_.end() ? nullptr : *found;
}

Co<Result<std::vector<ClusterPtr>>> System::ask() {
  std::vector<ClusterPtr> found;
  if (endpoint_.kind == SystemKind::kCluster) {
    HF_CO_TRY(const Json answer, co_await root_->get("/cluster", {{"fields", "name,uuid,version"}},
                                                     "read what cluster this is"));
    found.push_back(std::make_shared<Cluster>(cluster_from(answer, endpoint_, root_)));
    co_return found;
  }
  HF_CO_TRY(const JsonArray records,
            co_await root_->list("/gateways", {}, "list the clusters behind the gateway"));
  for (const Json& record : records) {
    const std::string uuid = get_string(record, "uuid");
    const std::string name = get_string(record, "name", uuid);
    const ClusterPtr before = known(uuid);
    auto client =
        before ? before->client
               : std::make_shared<Client>(
                     route_, ClientSettings{fmt::format("cluster {} through Unified Manager {}",
                                                        name, endpoint_.name),
                                            "/api/gateways/" + net::url_encode(uuid),
                                            endpoint_.max_requests, endpoint_.return_timeout});
    auto answer = co_await client->get("/cluster", {{"fields", "name,uuid,version"}},
                                       "read what cluster this is");
    Cluster cluster = cluster_from(answer ? *answer : record, endpoint_, client);
    if (!answer) {
      log_warn("ontap.cluster_silent", {{"cluster", name}, {"error", answer.error().to_string()}});
      cluster.version = before ? before->version : Version{};
    }
    found.push_back(std::make_shared<Cluster>(std::move(cluster)));
  }
  co_return found;
}

Status Systems::put(Endpoint endpoint) {
  const std::string name = endpoint.name;
  HF_TRY(auto system, System::create(clock_, std::move(endpoint), random_));
  const std::lock_guard lock(mutex_);
  systems_[name] = std::move(system);
  ++generation_;
  return {};
}

void Systems::remove(const std::string& name) {
  std::shared_ptr<System> gone;
  const std::lock_guard lock(mutex_);
  if (const auto found = systems_.find(name); found != systems_.end()) {
    gone = std::move(found->second);
    systems_.erase(found);
    ++generation_;
  }
}

std::uint64_t Systems::generation() const {
  const std::lock_guard lock(mutex_);
  return generation_;
}

std::vector<std::shared_ptr<System>> Systems::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<System>> list;
  for (const auto& [name, system] : systems_) {
    list.push_back(system);
  }
  return list;
}

std::shared_ptr<System> Systems::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = systems_.find(name);
  return found == systems_.end() ? nullptr : found->second;
}

std::optional<Place> Systems::place_of(const std::string& path) const {
  std::optional<Place> best;
  for (const auto& system : all()) {
    for (const auto& [key, given] : system->endpoint().mounts) {
      const std::string local = real_path(given);
      if (!is_at_or_below(path, local) || (best && best->local.size() >= local.size())) {
        continue;
      }
      const Mount mount = parse_mount(key);
      const std::string rest = local == "/" ? path : path.substr(local.size());
      best = Place{system,         mount.cluster, mount.svm, join(mount.junction, rest),
                   mount.junction, local};
    }
  }
  return best;
}

std::string Systems::local_path(const Cluster& cluster, const std::string& svm,
                                const std::string& junction) const {
  std::string best;
  size_t longest = 0;
  for (const auto& system : all()) {
    for (const auto& [key, local] : system->endpoint().mounts) {
      const Mount mount = parse_mount(key);
      const bool ours =
          mount.svm == svm && (mount.cluster.empty() || mount.cluster == cluster.name);
      if (ours && is_at_or_below(junction, mount.junction) && mount.junction.size() > longest) {
        longest = mount.junction.size();
        const std::string rest =
            mount.junction == "/" ? junction : junction.substr(mount.junction.size());
        best = join(real_path(local), rest == "/" ? "" : rest);
      }
    }
  }
  return best;
}

Co<Result<ClusterPtr>> Systems::cluster(std::string uuid) {
  std::optional<Error> silent;
  for (const auto& system : all()) {
    const auto clusters = co_await system->clusters();
    if (!clusters) {
      silent = clusters.error();
      continue;
    }
    for (const ClusterPtr& cluster : *clusters) {
      if (cluster->uuid == uuid) {
        HF_CO_TRY_VOID(check_release(*cluster));
        co_return cluster;
      }
    }
  }
  if (silent) {
    co_return *silent;
  }
  co_return Error(Code::kNotFound,
                  "no configured storage system has this cluster: see 'holdfast system list'")
      .with("cluster", uuid);
}

Co<std::vector<ClusterPtr>> Systems::all_clusters(std::vector<std::string>* problems) {
  std::vector<ClusterPtr> found;
  std::set<std::string> seen;
  for (const auto& system : all()) {
    const auto clusters = co_await system->clusters();
    if (!clusters) {
      problems->push_back(clusters.error().to_string());
      continue;
    }
    for (const ClusterPtr& cluster : *clusters) {
      if (seen.insert(cluster->uuid).second) {
        found.push_back(cluster);
      }
    }
  }
  co_return found;
}

}  // namespace holdfast::storage::ontap

// Everything that the simulator holds: the clusters, their state database, the work under way.
//
// One lock protects all data; whoever holds it works on memory only and gives it back soon. What
// changed under it is saved when it is given back, before anybody is told: a process that is killed
// comes back with all that it acknowledged. Moving bytes happens on the pool, outside the lock,
// under the lock of the volume.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "core/async/pool.h"
#include "core/db/database.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "simulators/ontap/ctl/faults.h"
#include "simulators/ontap/model/cluster.h"
#include "simulators/ontap/model/config.h"
#include "simulators/ontap/model/fence.h"

namespace holdfast::ontap_sim {

class World;

// What the Unified Manager saw when it last asked its clusters: its lists by kind.
struct Polled {
  MonoTime at;
  std::map<std::string_view, std::vector<JsonObject>> lists;
};

// The world's lock. Lock order: a volume's lock, then this one.
class Locked {
 public:
  explicit Locked(World& world);
  ~Locked();
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

  // Saves what changed and gives the lock back. An error: nothing of it will survive a restart.
  Status release();
  // Takes it again after release().
  void again();

 private:
  World& world_;
  std::unique_lock<std::mutex> lock_;
};

class World {
 public:
  // Opens or makes DIR with its state database, and what `config` asks for where it is new.
  static Result<std::unique_ptr<World>> open(std::string folder, Config config, env::Clock& clock,
                                             env::Random& random);
  // Drops work that has not begun and waits for the rest.
  ~World();

  Locked lock() { return Locked(*this); }
  // Held while the bytes of a volume are worked on.
  std::shared_ptr<std::mutex> volume_lock(const std::string& uuid);

  env::Clock& clock() { return clock_; }
  env::Random& random() { return random_; }
  const Config& config() const { return config_; }
  const std::string& folder() const { return folder_; }
  std::vector<std::unique_ptr<Cluster>>& clusters() { return clusters_; }
  // What the Unified Manager itself keeps: events, alerts, jobs, users.
  Cluster& manager() { return manager_; }
  Cluster* cluster_by_uuid(std::string_view uuid);
  Cluster* cluster_by_name(std::string_view name);

  Faults& faults() { return faults_; }
  Fences& fences() { return fences_; }

  UtcTime now() { return clock_.now(); }
  std::string now_text();
  std::string new_uuid();

  // Runs `work` on the pool once `delay` has passed; dropped when the world ends before.
  void later(Nanoseconds delay, std::move_only_function<void()> work);
  // Waits on a thread of the pool; false when the world ends.
  bool wait(Nanoseconds time);
  std::stop_token stopping() const { return stop_.get_token(); }
  // From now on work is dropped; returns when what runs has ended.
  void stop();

  // Nothing: the next question asks the clusters. Under the lock; a restart forgets it.
  std::optional<Polled>& polled() { return polled_; }

  // Small values that survive a restart. Under the lock.
  std::string note(const std::string& key) const;
  void set_note(const std::string& key, std::string value);

  // Called under the lock after a change of volumes: where each junction lies.
  std::function<void()> volumes_changed = [] {};

 private:
  friend class Locked;
  World(std::string folder, Config config, env::Clock& clock, env::Random& random)
      : folder_(std::move(folder)), config_(std::move(config)), clock_(clock), random_(random) {}
  Status load();
  Status save(std::unique_lock<std::mutex>& lock);

  struct Gate;
  std::string folder_;
  Config config_;
  env::Clock& clock_;
  env::Random& random_;
  Faults faults_;
  Fences fences_;
  std::optional<Polled> polled_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Cluster>> clusters_;
  Cluster manager_;
  std::map<std::string, std::string> notes_;
  std::map<std::string, std::string> changed_notes_;
  std::mutex volume_locks_mutex_;
  std::map<std::string, std::shared_ptr<std::mutex>> volume_locks_;
  std::unique_ptr<db::Database> database_;
  std::stop_source stop_;
  std::shared_ptr<Gate> gate_;
  std::unique_ptr<async::Pool> pool_;
};

}  // namespace holdfast::ontap_sim

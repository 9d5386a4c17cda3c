// State database: one row an object, its document as JSON. Notes are objects of kind "note" of the
// cluster "".
#include "simulators/ontap/model/world.h"

#include <future>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/env/posix/atomic_file.h"
#include "simulators/ontap/model/resume.h"
#include "simulators/ontap/model/seed.h"
#include "simulators/ontap/rest/schema.h"

namespace holdfast::ontap_sim {
namespace {

constexpr int kPoolThreads = 8;
constexpr std::string_view kManager = "um";  // in the column of clusters

const db::Migrations kMigrations = {
    {"ontap_sim", 1,
     "CREATE TABLE object (cluster TEXT NOT NULL, kind TEXT NOT NULL, id TEXT NOT NULL,"
     " doc TEXT NOT NULL, PRIMARY KEY (cluster, kind, id)) STRICT;"}};

struct Change {
  std::string cluster;
  std::string kind;
  std::string id;
  std::optional<std::string> doc;  // nothing: removed
};

Status write_changes(db::Connection& sql, const std::vector<Change>& changes) {
  for (const Change& change : changes) {
    if (change.doc) {
      HF_TRY_VOID(
          sql.exec("INSERT INTO object(cluster, kind, id, doc) VALUES (?1, ?2, ?3, ?4) "
                   "ON CONFLICT (cluster, kind, id) DO UPDATE SET doc = excluded.doc",
                   change.cluster, change.kind, change.id, *change.doc));
    } else {
      HF_TRY_VOID(sql.exec("DELETE FROM object WHERE cluster = ?1 AND kind = ?2 AND id = ?3",
                           change.cluster, change.kind, change.id));
    }
  }
  return {};
}

}  // namespace

// What timers hold on to: the world, until it ends.
struct World::Gate {
  std::mutex mutex;
  async::Pool* pool = nullptr;
};

Locked::Locked(World& world) : world_(world), lock_(world.mutex_) {}

Locked::~Locked() {
  if (const Status saved = release(); !saved) {
    log_error("sim.save_failed", {{"error", saved.error().to_string()}});
  }
}

Status Locked::release() { return lock_.owns_lock() ? world_.save(lock_) : Status(); }

void Locked::again() { lock_.lock(); }

Result<std::unique_ptr<World>> World::open(std::string folder, Config config, env::Clock& clock,
                                           env::Random& random) {
  HF_TRY_VOID(env::make_directories(folder, 0700));
  std::unique_ptr<World> world(new World(std::move(folder), std::move(config), clock, random));
  db::Options options;
  options.durability = db::Durability::kNormal;
  options.readers = 1;
  HF_TRY(world->database_, db::Database::open(world->folder_ + "/state.db", kMigrations, options));
  HF_TRY_VOID(world->load());
  world->pool_ = std::make_unique<async::Pool>("sim", kPoolThreads);
  world->gate_ = std::make_shared<Gate>();
  world->gate_->pool = world->pool_.get();
  Locked lock(*world);
  HF_TRY_VOID(seed(*world));
  for (const auto& cluster : world->clusters_) {
    resume(*world, *cluster);
  }
  HF_TRY_VOID(lock.release());
  return world;
}

World::~World() { stop(); }

void World::stop() {
  stop_.request_stop();
  fences_.end();
  if (gate_) {
    const std::lock_guard hold(gate_->mutex);
    gate_->pool = nullptr;
  }
  pool_.reset();
}

Status World::load() {
  HF_TRY(const auto rows, database_->read_blocking([](db::Connection& sql) {
    return sql.all("SELECT cluster, kind, id, doc FROM object");
  }));
  std::map<std::string, Cluster*> by_name;
  for (const db::Row& row : rows) {
    HF_TRY(const Json doc, parse_json(row.text(3)));
    if (row.text(0).empty()) {
      notes_[row.text(2)] = doc.is_string() ? std::string(doc.as_string()) : "";
      continue;
    }
    if (row.text(0) == kManager) {
      manager_.load(row.text(1), row.text(2), doc.is_object() ? doc.as_object() : JsonObject());
      continue;
    }
    Cluster*& cluster = by_name[row.text(0)];
    if (cluster == nullptr) {
      cluster = clusters_.emplace_back(std::make_unique<Cluster>()).get();
      cluster->name = row.text(0);
      cluster->folder = folder_ + "/" + cluster->name;
    }
    cluster->load(row.text(1), row.text(2), doc.is_object() ? doc.as_object() : JsonObject());
  }
  for (const auto& cluster : clusters_) {
    if (const JsonObject* self = cluster->find(kind::kCluster, "self")) {
      cluster->uuid = text_at(*self, "uuid");
      cluster->user = text_at(*self, "_sim.user");
      cluster->password = text_at(*self, "_sim.password");
    }
  }
  return {};
}

Status World::save(std::unique_lock<std::mutex>& lock) {
  std::vector<Change> changes;
  bool volumes = false;
  for (const auto& cluster : clusters_) {
    for (const auto& [kind, id] : cluster->take_changes()) {
      volumes = volumes || kind == kind::kVolume;
      const JsonObject* object = cluster->find(kind, id);
      changes.push_back(
          {cluster->name, kind, id, object ? std::optional(to_text(Json(*object))) : std::nullopt});
    }
  }
  for (const auto& [kind, id] : manager_.take_changes()) {
    const JsonObject* object = manager_.find(kind, id);
    changes.push_back({std::string(kManager), kind, id,
                       object ? std::optional(to_text(Json(*object))) : std::nullopt});
  }
  for (auto& [key, value] : std::exchange(changed_notes_, {})) {
    changes.push_back({"", "note", key, to_text(Json(value))});
  }
  if (changes.empty()) {
    lock.unlock();
    return {};
  }
  if (volumes) {
    volumes_changed();
  }
  // Queued under the lock, so that the order of the database is the order of the lock.
  auto done = std::make_shared<std::promise<Status>>();
  std::future<Status> waiting = done->get_future();
  database_->submit_write(
      [changes = std::move(changes)](db::Connection& sql) { return write_changes(sql, changes); },
      [done](Status status) { done->set_value(std::move(status)); });
  lock.unlock();
  return waiting.get();
}

std::shared_ptr<std::mutex> World::volume_lock(const std::string& uuid) {
  const std::lock_guard hold(volume_locks_mutex_);
  auto& lock = volume_locks_[uuid];
  if (!lock) {
    lock = std::make_shared<std::mutex>();
  }
  return lock;
}

Cluster* World::cluster_by_uuid(std::string_view uuid) {
  for (const auto& cluster : clusters_) {
    if (cluster->uuid == uuid) {
      return cluster.get();
    }
  }
  return nullptr;
}

Cluster* World::cluster_by_name(std::string_view name) {
  for (const auto& cluster : clusters_) {
    if (cluster->name == name) {
      return cluster.get();
    }
  }
  return nullptr;
}

std::string World::now_text() { return to_time_text(now()); }

std::string World::new_uuid() { return uuid_v4(random_.bytes16()); }

void World::later(Nanoseconds delay, std::move_only_function<void()> work) {
  auto shared = std::make_shared<std::move_only_function<void()>>(std::move(work));
  clock_.call_at(clock_.mono() + delay, [gate = gate_, shared] {
    const std::lock_guard hold(gate->mutex);
    if (gate->pool != nullptr) {
      gate->pool->post([shared] { (*shared)(); });
    }
  });
}

bool World::wait(Nanoseconds time) { return async::wait_blocking(clock_, time, stop_.get_token()); }

std::string World::note(const std::string& key) const {
  const auto found = notes_.find(key);
  return found == notes_.end() ? "" : found->second;
}

void World::set_note(const std::string& key, std::string value) {
  changed_notes_[key] = value;
  notes_[key] = std::move(value);
}

}  // namespace holdfast::ontap_sim

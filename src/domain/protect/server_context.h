// What services and control activities of the server stand on. Made once by `daemon`; outlives
// them.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "core/db/database.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "flow/client.h"

namespace holdfast::protect {

// What decides how workflows use a storage driver.
struct StorageFacts {
  bool groups = false;    // one snapshot for all volumes of a group
  bool restores = false;  // brings volumes and files back by itself
};

struct ServerContext {
  db::Database& db;
  env::Clock& clock;
  env::Random& random;
  std::string data_dir;  // DIR of the server
  std::string host;      // name of this machine, recorded in snapshots
  std::string timezone;  // of the server; frozen into policies that name none
  // What the storage driver of a kind states; empty: nothing of either.
  std::function<StorageFacts(const std::string&)> storage_facts{};
  // Set by whoever changed what the scheduler looks at: it begins its next pass at once.
  std::shared_ptr<std::atomic<bool>> wake = std::make_shared<std::atomic<bool>>(false);

  std::string repositories_dir() const { return data_dir + "/repositories"; }
  std::string keys_dir() const { return data_dir + "/keys"; }
  std::string evidence_dir() const { return data_dir + "/evidence"; }
  std::string scratch_dir() const { return data_dir + "/scratch"; }
  StorageFacts storage(const std::string& driver) const {
    return storage_facts ? storage_facts(driver) : StorageFacts();
  }
  std::string new_id(const std::string& prefix) const { return random.new_id(prefix, clock.now()); }
};

}  // namespace holdfast::protect

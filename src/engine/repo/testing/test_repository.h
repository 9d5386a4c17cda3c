// A repository in memory for tests: its files can fail and lose power, its clock stands still.
#pragma once

#include <cstdlib>
#include <memory>
#include <string>

#include "core/base/log.h"
#include "core/env/sim/fault_file_system.h"
#include "core/env/sim/manual_clock.h"
#include "core/env/sim/seeded_random.h"
#include "core/env/sim/sim_file_system.h"
#include "engine/blob/local/local_store.h"
#include "engine/repo/check.h"
#include "engine/repo/chunk_writer.h"
#include "engine/repo/repository.h"

namespace holdfast::repo {

inline std::uint64_t test_seed() {
  const char* given = std::getenv("HOLDFAST_SEED");
  return given == nullptr ? 1 : std::strtoull(given, nullptr, 10);
}

// Where repositories of a test live, and who uses them.
struct TestWorld {
  explicit TestWorld(std::uint64_t seed = test_seed()) : random(seed) {
    set_log_level(LogLevel::kError);  // injected faults are told by the tests themselves
    environment.clock = &clock;
    environment.random = &random;
    environment.host = "testhost";
    environment.user = "tester";
    environment.pid = 4711;
    environment.process_alive = [](int pid) { return pid == 4711; };
    environment.lock_settle = Nanoseconds(0);
  }

  std::shared_ptr<blob::BlobStore> store(const std::string& name = "/repo") {
    return std::make_shared<blob::LocalStore>(faulty, random, name);
  }
  Result<std::unique_ptr<Repository>> init(const std::string& name = "/repo",
                                           std::optional<std::uint64_t> polynomial = {}) {
    return Repository::init(store(name), password, environment,
                            {.polynomial = polynomial, .cost = {16, 1, 1}});
  }
  Result<std::unique_ptr<Repository>> open(const std::string& name = "/repo") {
    return Repository::open(store(name), password, environment);
  }

  env::SimFileSystem files;
  env::FaultPlan plan;
  env::FaultFileSystem faulty{files, plan};
  env::ManualClock clock{UtcTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 24))};
  env::SeededRandom random;
  Environment environment;
  SecretString password{"correct horse"};
};

// A snapshot of one folder with files of the given contents ("name0", "name1", ...).
inline Result<SnapshotId> save_files(Repository& repository, TestWorld& world,
                                     const std::vector<std::string>& contents) {
  HF_TRY(const auto lock, repository.lock(LockKind::kShared));
  HF_TRY_VOID(repository.load_index());
  ChunkWriter writer(repository, {.workers = 1, .uploads = 1});
  Tree tree;
  for (std::size_t i = 0; i < contents.size(); ++i) {
    HF_TRY(const SavedChunk chunk, writer.save(ChunkKind::kData, as_bytes(contents[i])));
    Node node;
    node.name = "name" + std::to_string(i);
    node.mode = 0644;
    node.size = contents[i].size();
    node.content = {chunk.id};
    tree.nodes.push_back(std::move(node));
  }
  Snapshot snapshot;
  const std::string text = encode_tree(tree);
  HF_TRY(const SavedChunk saved, writer.save(ChunkKind::kTree, as_bytes(text)));
  HF_TRY_VOID(writer.finish());
  world.clock.advance(std::chrono::seconds(1));
  snapshot.tree = saved.id;
  snapshot.time = world.clock.now();
  snapshot.paths = {"/data"};
  snapshot.hostname = "testhost";
  return repository.save_snapshot(snapshot);
}

// What the check finds wrong, reading everything; empty: nothing.
inline std::vector<std::string> damage(Repository& repository) {
  CheckOptions options;
  options.read_data = CheckOptions::ReadData::kAll;
  const auto report = check(repository, options);
  return report ? report->errors : std::vector<std::string>{report.error().to_string()};
}

}  // namespace holdfast::repo

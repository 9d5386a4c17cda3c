// A repository in restic's format, version 2 (version 1 is read): the one object through which the
// engine reads and writes it.
//
// Order of writes: packs, then the index that lists them, then the snapshot; removals go the other
// way round. So at any instant a snapshot's trees and chunks are all there and indexed.
//
// Calls block (they wait for the blob store on two threads that this object owns, and use the
// caller's thread for cryptography): make them on a pool thread, never on an I/O thread. Unless
// noted, methods may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "core/async/pool.h"
#include "core/base/secret.h"
#include "core/crypto/key_derivation.h"
#include "core/crypto/sealed_box.h"
#include "core/env/clock.h"
#include "core/env/random.h"
#include "engine/blob/blob_store.h"
#include "engine/repo/ids.h"
#include "engine/repo/index.h"
#include "engine/repo/lock.h"
#include "engine/repo/opened_keys.h"
#include "engine/repo/snapshot.h"
#include "engine/repo/tree.h"

namespace holdfast::repo {

// Who works on the repository; recorded in keys, locks and snapshots.
struct Environment {
  env::Clock* clock = nullptr;  // outlive the repository
  env::Random* random = nullptr;
  std::string host;
  std::string user;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  int pid = 0;
  std::function<bool(int pid)> process_alive;  // on this host
  // Between writing a lock and looking for others once more; stores that list late need it.
  Nanoseconds lock_settle = std::chrono::milliseconds(200);
  // Where opened master keys are remembered; none: every open derives its key anew.
  std::shared_ptr<OpenedKeys> opened_keys;
};
// Of this process on this machine.
Environment this_process(env::Clock& clock, env::Random& random);

struct Config {
  int version = 2;
  std::string id;                // 64 hexadecimal digits
  std::uint64_t polynomial = 0;  // of the chunker: irreducible, degree 53
};

struct InitOptions {
  std::optional<std::uint64_t> polynomial;  // of the repository to copy from or to; else random
  crypto::ScryptCost cost{1 << 15, 8, 3};   // of the key; lower it in tests only
};

// One stored key file; any of them opens the repository.
struct KeyInfo {
  std::string id;
  bool current = false;  // the one this repository was opened with
  std::string host;
  std::string user;
  UtcTime created;
};

// An index, snapshot or lock file as it will be stored, and its name.
struct SealedFile {
  crypto::Digest id;
  Buffer box;
};

struct LoadedIndex {
  IndexId id;
  std::vector<IndexedPack> packs;
};

class Repository {
 public:
  // Makes a new one with one key; kAlreadyExists when the store has a config.
  static Result<std::unique_ptr<Repository>> init(std::shared_ptr<blob::BlobStore> store,
                                                  const SecretString& password,
                                                  Environment environment,
                                                  InitOptions options = {});
  // kNotFound: no repository there; kWrongPassword: no key opens; kFailedPrecondition: a newer
  // version than this program knows.
  static Result<std::unique_ptr<Repository>> open(std::shared_ptr<blob::BlobStore> store,
                                                  const SecretString& password,
                                                  Environment environment);
  ~Repository();

  const Config& config() const { return config_; }
  const Environment& environment() const { return environment_; }
  std::string location() const { return store_->location(); }

  // --- chunks. The index has to be loaded (load_index) before the first use.
  // Reads all index files anew; index files that cannot be read are kDataLoss.
  Status load_index();
  bool has_chunk(ChunkKind kind, const ChunkId& id) const;
  std::optional<ChunkLocation> find_chunk(ChunkKind kind, const ChunkId& id) const;
  // Reads, opens, decompresses and checks one chunk: kDataLoss when it is missing or damaged.
  Result<Buffer> load_chunk(ChunkKind kind, const ChunkId& id);
  Result<Tree> load_tree(const ChunkId& id);
  // Opens one box that was read from a pack and checks it against its name.
  Result<Buffer> open_chunk(ByteSpan box, const ChunkId& id, std::uint32_t plain_length) const;
  // Every index file with its packs, in full (copies of a chunk included): for check and prune.
  Result<std::vector<LoadedIndex>> read_index_files();
  // The loaded index; hold no reference over load_index.
  Index& index() { return index_; }
  const Index& index() const { return index_; }

  // --- snapshots
  // All of them by ascending time. An unreadable one fails the call with kDataLoss and its name.
  Result<std::vector<Snapshot>> snapshots();
  Result<Snapshot> snapshot(const SnapshotId& id);
  // "latest", or an id or unambiguous beginning of one; kNotFound, kInvalidArgument (ambiguous).
  Result<Snapshot> find_snapshot(const std::string& id_or_prefix);
  Result<SnapshotId> save_snapshot(const Snapshot& snapshot);
  Status remove_snapshot(const SnapshotId& id);

  // --- locks. Held until the returned lock goes; refreshed every 5 minutes meanwhile. kConflict
  // names the holder. Stale locks of this host whose process is dead are removed first.
  Result<std::unique_ptr<Lock>> lock(LockKind kind);
  // Removes stale locks (all = every lock); returns how many.
  Result<int> unlock(bool all);

  // --- keys
  Result<std::vector<KeyInfo>> keys();
  // Adds a key for another password; returns its id.
  Result<std::string> add_key(const SecretString& password, const crypto::ScryptCost& cost);
  // Refuses the current one.
  Status remove_key(const std::string& id_or_prefix);

  // --- objects, for check, prune and copy
  Result<std::vector<blob::ObjectInfo>> list(blob::ObjectType type);
  Result<Buffer> get(const blob::ObjectKey& key,
                     std::optional<blob::ByteRange> range = std::nullopt);
  Status put(const blob::ObjectKey& key, ByteSpan data);
  Status remove(const blob::ObjectKey& key);
  // Index, snapshot and lock files: sealed, compressed when the version has it; named by SHA-256.
  Result<std::string> load_unpacked(const blob::ObjectKey& key);
  SealedFile seal_unpacked(std::string_view text) const;
  Result<crypto::Digest> save_unpacked(blob::ObjectType type, std::string_view text);
  const crypto::BoxKey& key() const { return key_; }

 private:
  friend class Lock;
  Repository(std::shared_ptr<blob::BlobStore> store, Environment environment);
  Status open_with(const SecretString& password);
  Result<crypto::BoxKey> master_key(ByteSpan key_file, const SecretString& password);
  Status load_config();
  Result<LoadedIndex> load_index_file(const blob::ObjectInfo& file);
  Result<std::string> write_key(const SecretString& password, const crypto::ScryptCost& cost);

  std::shared_ptr<blob::BlobStore> store_;
  Environment environment_;
  async::Pool io_;
  async::Pool lock_pool_;  // refreshes locks; a callback of the clock must not wait
  Config config_;
  crypto::BoxKey key_;
  std::string key_id_;
  Index index_;
};

}  // namespace holdfast::repo

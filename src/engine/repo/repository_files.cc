// The small files of a repository: snapshots, keys and locks.
#include <fmt/core.h>
#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <tuple>

#include "core/base/log.h"
#include "engine/repo/key_file.h"
#include "engine/repo/repository.h"

namespace holdfast::repo {
namespace {

// The one object whose name starts with `prefix`.
Result<blob::ObjectKey> match_prefix(const std::vector<blob::ObjectInfo>& files,
                                     const std::string& prefix, std::string_view what) {
  const blob::ObjectInfo* found = nullptr;
  for (const blob::ObjectInfo& file : files) {
    if (!prefix.empty() && file.key.name.starts_with(prefix)) {
      if (found != nullptr) {
        return Error(Code::kInvalidArgument,
                     fmt::format("'{}' is the beginning of more than one {} id; give more of it",
                                 prefix, what));
      }
      found = &file;
    }
  }
  if (found == nullptr) {
    return Error(Code::kNotFound, fmt::format("there is no {} '{}'", what, prefix));
  }
  return found->key;
}

}  // namespace

Environment this_process(env::Clock& clock, env::Random& random) {
  Environment environment;
  environment.clock = &clock;
  environment.random = &random;
  char host[256] = {};
  if (::gethostname(host, sizeof(host) - 1) == 0) {
    environment.host = host;
  }
  environment.uid = ::getuid();
  environment.gid = ::getgid();
  environment.pid = ::getpid();
  passwd entry{};
  passwd* user = nullptr;
  std::array<char, 16384> text{};
  const int failed = ::getpwuid_r(environment.uid, &entry, text.data(), text.size(), &user);
  if (failed == 0 && user != nullptr) {
    environment.user = user->pw_name;
  }
  environment.process_alive = [](int pid) { return ::kill(pid, 0) == 0 || errno == EPERM; };
  return environment;
}

// --- snapshots

Result<Snapshot> Repository::snapshot(const SnapshotId& id) {
  const blob::ObjectKey key{blob::ObjectType::kSnapshot, id.hex()};
  auto text = load_unpacked(key);
  if (!text) {
    return text.error().code() == Code::kNotFound
               ? Error(Code::kNotFound, fmt::format("there is no snapshot {}", id.short_hex()))
               : text.error();
  }
  auto snapshot = snapshot_from_json(*text);
  if (!snapshot) {
    return Error(snapshot.error()).with("snapshot", id.hex());
  }
  snapshot->id = id;
  return snapshot;
}

Result<std::vector<Snapshot>> Repository::snapshots() {
  HF_TRY(const auto files, list(blob::ObjectType::kSnapshot));
  std::vector<Snapshot> all;
  for (const blob::ObjectInfo& file : files) {
    HF_TRY(const SnapshotId id, SnapshotId::parse(file.key.name));
    HF_TRY(Snapshot one, snapshot(id));
    all.push_back(std::move(one));
  }
  std::sort(all.begin(), all.end(), [](const Snapshot& a, const Snapshot& b) {
    return std::tie(a.time, a.id) < std::tie(b.time, b.id);
  });
  return all;
}

Result<Snapshot> Repository::find_snapshot(const std::string& id_or_prefix) {
  if (id_or_prefix == "latest") {
    HF_TRY(auto all, snapshots());
    if (all.empty()) {
      return Error(Code::kNotFound, "the repository has no snapshot yet");
    }
    return std::move(all.back());
  }
  HF_TRY(const auto files, list(blob::ObjectType::kSnapshot));
  HF_TRY(const blob::ObjectKey key, match_prefix(files, id_or_prefix, "snapshot"));
  HF_TRY(const SnapshotId id, SnapshotId::parse(key.name));
  return snapshot(id);
}

Result<SnapshotId> Repository::save_snapshot(const Snapshot& snapshot) {
  HF_TRY(const crypto::Digest id, save_unpacked(blob::ObjectType::kSnapshot, to_json(snapshot)));
  return SnapshotId{id};
}

Status Repository::remove_snapshot(const SnapshotId& id) {
  return remove({blob::ObjectType::kSnapshot, id.hex()});
}

// --- keys

Result<std::string> Repository::write_key(const SecretString& password,
                                          const crypto::ScryptCost& cost) {
  HF_TRY(KeyFile file, seal_key(key_, password, cost, *environment_.random));
  file.created = environment_.clock->now();
  file.username = environment_.user;
  file.hostname = environment_.host;
  const std::string text = to_json(file);
  const std::string id = crypto::sha256_hex(as_bytes(text));
  HF_TRY_VOID(put({blob::ObjectType::kKey, id}, as_bytes(text)));
  return id;
}

Result<std::string> Repository::add_key(const SecretString& password,
                                        const crypto::ScryptCost& cost) {
  if (password.empty()) {
    return Error(Code::kInvalidArgument, "a key needs a password that is not empty");
  }
  return write_key(password, cost);
}

Result<std::vector<KeyInfo>> Repository::keys() {
  HF_TRY(const auto files, list(blob::ObjectType::kKey));
  std::vector<KeyInfo> all;
  for (const blob::ObjectInfo& file : files) {
    HF_TRY(const Buffer bytes, get(file.key));
    HF_TRY(const KeyFile key, key_file_from_json(as_text(bytes)));
    all.push_back({.id = file.key.name,
                   .current = file.key.name == key_id_,
                   .host = key.hostname,
                   .user = key.username,
                   .created = key.created});
  }
  return all;
}

Status Repository::remove_key(const std::string& id_or_prefix) {
  HF_TRY(const auto files, list(blob::ObjectType::kKey));
  HF_TRY(const blob::ObjectKey key, match_prefix(files, id_or_prefix, "key"));
  if (key.name == key_id_) {
    return Error(Code::kFailedPrecondition,
                 "this key opened the repository; open it with another one to remove it");
  }
  return remove(key);
}

}  // namespace holdfast::repo

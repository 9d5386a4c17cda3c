// SnapMirror to an object store: what a bucket is here, and how a snapshot lies in it.
//
//   STORE/chunks/<sha256>            64 KiB pieces of files, each once
//   STORE/endpoint/<uuid>/<name>     one snapshot: JSON lines of path, mode, time and chunks
//
// STORE is <cluster folder>/.objects/<container>. So an update costs what changed, and the objects
// of a bucket can be counted and broken by hand.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/base/bytes.h"
#include "core/crypto/digest.h"
#include "core/env/posix/atomic_file.h"
#include "simulators/ontap/snapmirror/transfer_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

namespace fs = std::filesystem;
constexpr size_t kChunk = 64 * 1024;

Fault broken(const std::string& what) {
  return {500, 13303845, fmt::format("The object store is damaged: {}.", what)};
}

// Stores the chunks of a file; their names.
Outcome<JsonArray> store_chunks(const std::string& path, const std::string& store,
                                std::int64_t& fresh) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Fault(io_error(errno, "open", path));
  }
  JsonArray names;
  std::string buffer(kChunk, '\0');
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    const auto size = static_cast<size_t>(file.gcount());
    if (size == 0) {
      break;
    }
    const std::string_view piece(buffer.data(), size);
    const std::string name = crypto::sha256_hex(as_bytes(piece));
    const std::string object = store + "/chunks/" + name;
    if (!path_exists(object)) {
      HF_TRY_VOID(env::write_file_atomically(object, piece, 0600));
      fresh += static_cast<std::int64_t>(size);
    }
    names.emplace_back(name);
  }
  return names;
}

Outcome<std::string> describe(const fs::directory_entry& entry, const std::string& top,
                              const std::string& store, std::int64_t& fresh) {
  struct stat info{};
  if (::lstat(entry.path().c_str(), &info) != 0) {
    return Fault(io_error(errno, "look at", entry.path().string()));
  }
  JsonObject line{{"path", entry.path().lexically_relative(top).string()},
                  {"mode", std::int64_t{info.st_mode}},
                  {"mtime", std::int64_t{info.st_mtim.tv_sec}},
                  {"mtime_ns", std::int64_t{info.st_mtim.tv_nsec}}};
  if (S_ISREG(info.st_mode)) {
    HF_TRY(line["chunks"], store_chunks(entry.path(), store, fresh));
    line["size"] = std::int64_t{info.st_size};
  } else if (S_ISLNK(info.st_mode)) {
    std::error_code failure;
    line["target"] = fs::read_symlink(entry.path(), failure).string();
  }
  return to_text(Json(line)) + "\n";
}

Done build_file(const JsonObject& line, const std::string& store, const std::string& to) {
  std::ofstream file(to, std::ios::binary | std::ios::trunc);
  for (const std::string& name : texts_at(line, "chunks")) {
    HF_TRY(const std::string piece, env::read_small_file(store + "/chunks/" + name, kChunk));
    if (crypto::sha256_hex(as_bytes(piece)) != name) {
      return broken("the chunk " + name + " has other bytes");
    }
    file << piece;
  }
  file.close();
  return file ? Done() : Done(Fault(io_error(EIO, "write", to)));
}

void give_times(const JsonObject& line, const std::string& to) {
  const std::array<timespec, 2> times{timespec{int_at(line, "mtime"), int_at(line, "mtime_ns")},
                                      {int_at(line, "mtime"), int_at(line, "mtime_ns")}};
  ::utimensat(AT_FDCWD, to.c_str(), times.data(), AT_SYMLINK_NOFOLLOW);
}

// Without a folder's times, which the files in it would change again.
Done build(const JsonObject& line, const std::string& store, const std::string& to) {
  const auto mode = static_cast<mode_t>(int_at(line, "mode"));
  if (S_ISDIR(mode)) {
    HF_TRY_VOID(make_folder(to));
  } else if (S_ISLNK(mode)) {
    std::error_code failure;
    fs::create_symlink(text_at(line, "target"), to, failure);
    give_times(line, to);
    return failure ? Done(Fault(io_error(failure.value(), "make", to))) : Done();
  } else if (S_ISREG(mode)) {
    HF_TRY_VOID(build_file(line, store, to));
  }
  ::chmod(to.c_str(), mode & 07777);
  if (S_ISREG(mode)) {
    give_times(line, to);
  }
  return {};
}

}  // namespace

std::string store_folder(const Cluster& cluster, const JsonObject& target) {
  return cluster.folder + "/.objects/" + text_at(target, "container", text_at(target, "name"));
}

Outcome<std::int64_t> send_to_store(const std::string& from, const std::string& store,
                                    const std::string& object) {
  HF_TRY_VOID(make_folder(store + "/chunks"));
  HF_TRY_VOID(make_folder(fs::path(store + "/" + object).parent_path()));
  std::int64_t fresh = 0;
  std::string manifest;
  HF_TRY(manifest, describe(fs::directory_entry(from), from, store, fresh));
  std::error_code failure;
  for (fs::recursive_directory_iterator at(from, failure), end; !failure && at != end;
       at.increment(failure)) {
    HF_TRY(const std::string line, describe(*at, from, store, fresh));
    manifest += line;
  }
  if (failure) {
    return Fault(io_error(failure.value(), "list", from));
  }
  HF_TRY_VOID(env::write_file_atomically(store + "/" + object, manifest, 0600));
  return fresh;
}

Done fetch_from_store(const std::string& store, const std::string& object, const std::string& to) {
  HF_TRY_VOID(make_folder(to));
  std::ifstream manifest(store + "/" + object);
  if (!manifest) {
    return broken("the object " + object + " is missing");
  }
  std::string text;
  std::vector<JsonObject> folders;
  while (std::getline(manifest, text)) {
    const auto line = parse_json(text);
    if (!line || !line->is_object()) {
      return broken("the object " + object + " cannot be read");
    }
    const JsonObject& entry = line->as_object();
    HF_TRY_VOID(build(entry, store, to + "/" + text_at(entry, "path")));
    if (S_ISDIR(static_cast<mode_t>(int_at(entry, "mode")))) {
      folders.push_back(entry);
    }
  }
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    give_times(*folder, to + "/" + text_at(*folder, "path"));
  }
  return {};
}

Done TransferRun::to_cloud() {
  HF_TRY(const std::string last, last_snapshot());
  if (last.empty()) {
    return {};
  }
  for (const VolumePair& pair : pairs_) {
    std::vector<std::pair<JsonObject, std::string>> todo;
    std::string store;
    {
      Locked lock(world_);
      const JsonObject* target =
          cluster_.find_by(kind::kCloudTarget, "uuid", text_at(row_, "destination.uuid"));
      const JsonObject* volume = source_.find(kind::kVolume, pair.source);
      if (target == nullptr || volume == nullptr) {
        return Fault(500, 13303844, "The cloud target or the volume is gone.");
      }
      store = store_folder(cluster_, *target);
      for (const JsonObject* one : snapshots_of(source_, pair.source)) {
        const bool own = text_at(*one, "name") == last;
        if (own ||
            (policy_takes(policy_, *one) && !text_at(*one, "name").starts_with("snapmirror."))) {
          todo.emplace_back(*one, snapshot_folder(source_, *volume, text_at(*one, "name")));
        }
      }
    }
    for (const auto& [snapshot, folder] : todo) {
      const std::string object =
          "endpoint/" + order_.relationship + "/" + text_at(snapshot, "name");
      if (path_exists(store + "/" + object)) {
        continue;
      }
      HF_TRY(const std::int64_t sent, send_to_store(folder, store, object));
      HF_TRY_VOID(step(sent));
    }
  }
  settle(last);
  Locked lock(world_);
  const JsonObject* newest = snapshot_by_name(source_, pairs_.front().source, last);
  if (JsonObject* row = cluster_.edit(kind::kRelationship, order_.relationship); row && newest) {
    (*row)["exported_snapshot"] = last;
    set(*row, "_sim.exported_time", Json(text_at(*newest, "create_time")));
  }
  return {};
}

Done TransferRun::from_cloud() {
  std::string store;
  std::string to;
  std::string stage;
  {
    Locked lock(world_);
    const JsonObject* target =
        cluster_.find_by(kind::kCloudTarget, "uuid", text_at(row_, "source.uuid"));
    const JsonObject* volume = cluster_.find(kind::kVolume, pairs_.front().destination);
    if (target == nullptr || volume == nullptr) {
      return Fault(500, 13303845, "The cloud target or the volume is gone.");
    }
    store = store_folder(cluster_, *target);
    to = volume_folder(cluster_, *volume);
    stage = scratch_folder(world_, cluster_);
  }
  std::string endpoint = text_at(row_, "_sim.endpoint");
  const std::string folder = store + "/endpoint/" + endpoint;
  std::string name = order_.source_snapshot;
  std::error_code failure;
  for (fs::directory_iterator at(folder, failure), end; name.empty() && !failure && at != end;
       at.increment(failure)) {
    name = at->path().filename();
  }
  HF_TRY_VOID(fetch_from_store(store, "endpoint/" + endpoint + "/" + name, stage));
  const auto mutex = world_.volume_lock(pairs_.front().destination);
  const std::lock_guard hold(*mutex);
  Done outcome = order_.files.empty() ? Done() : restore_files(stage, to);
  if (outcome && order_.files.empty()) {
    const auto written = mirror_tree(stage, to);
    outcome = written ? step(*written) : Done(Fault(written.error()));
  }
  HF_TRY_VOID(remove_tree(stage));
  return outcome;
}

}  // namespace holdfast::ontap_sim

// /storage/file/clone, /storage/file/copy and /storage/directory-restore.
#include <fmt/core.h>

#include <filesystem>

#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr size_t kCopiesMax = 50;

const Schema kCloneSchema{{"volume.name", kText, kCreate},
                          {"volume.uuid", kText, kCreate},
                          {"svm.name", kText, kCreate},
                          {"svm.uuid", kText, kCreate},
                          {"source_path", kText, kCreate | kRequired},
                          {"destination_path", kText, kCreate | kRequired},
                          {"overwrite_destination", kFlag, kCreate},
                          {"range", kTexts, kCreate},
                          {"is_backup", kFlag, kCreate},
                          {"autodelete", kFlag, kCreate},
                          {"token_uuid", kText, kCreate}};

// A file of a volume: `.snapshot/<name>/...` leads into a snapshot.
struct FilePlace {
  std::string volume;
  std::string path;
};

Outcome<std::string> real_path(Cluster& cluster, const FilePlace& place) {
  const JsonObject* volume = cluster.find(kind::kVolume, place.volume);
  if (volume == nullptr || text_at(*volume, "state") != "online") {
    return bad(917752, "The volume is not online.", "volume");
  }
  return path_below(volume_folder(cluster, *volume), place.path);
}

// Copies one file; both volumes are locked one after the other, in the order of their names.
Done copy_one(JobRun& run, const FilePlace& from, const FilePlace& to, bool overwrite) {
  const auto first = run.world().volume_lock(std::min(from.volume, to.volume));
  const auto second = run.world().volume_lock(std::max(from.volume, to.volume));
  const std::lock_guard hold_first(*first);
  std::unique_lock hold_second(*second, std::defer_lock);
  if (first != second) {
    hold_second.lock();
  }
  Locked lock(run.world());
  HF_TRY(const std::string source, real_path(run.cluster(), from));
  HF_TRY(const std::string target, real_path(run.cluster(), to));
  HF_TRY_VOID(lock.release());
  std::error_code failure;
  if (!std::filesystem::is_regular_file(source, failure)) {
    return Fault(404, 6684674, fmt::format("\"{}\" is no file of the volume.", from.path),
                 "source_path");
  }
  if (path_exists(target) && !overwrite) {
    return conflict(
        917864, fmt::format("\"{}\" exists: set \"overwrite_destination\" to replace it.", to.path),
        "destination_path");
  }
  HF_TRY_VOID(copy_file_over(source, target));
  return {};
}

bool leads_into_snapshot(std::string_view path) {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  return path.starts_with(kSnapshotFolder) &&
         (path.size() == kSnapshotFolder.size() || path[kSnapshotFolder.size()] == '/');
}

Outcome<Answer> clone_file(Call& call) {
  HF_TRY(JsonObject body, kCloneSchema.accept(call.body, kCreate));
  const Json* named = at(body, "volume");
  if (named == nullptr) {
    return bad(262212, "Field \"volume\" is required.", "volume");
  }
  HF_TRY(const JsonObject* volume,
         resolve_volume(call.cluster, named->as_object(), text_at(body, "svm.name")));
  const std::string uuid = text_at(*volume, "uuid");
  const FilePlace from{uuid, text_at(body, "source_path")};
  const FilePlace to{uuid, text_at(body, "destination_path")};
  if (leads_into_snapshot(to.path)) {
    return bad(13565952, "The destination lies in a snapshot, which is read only.",
               "destination_path");
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.svm = *at(*volume, "svm")->if_object();
  spec.work = [from, to, overwrite = flag_at(body, "overwrite_destination")](JobRun& run) {
    return copy_one(run, from, to, overwrite);
  };
  JsonObject record{
      {"source_path", from.path}, {"destination_path", to.path}, {"volume", reference(*volume)}};
  return by_job(start_job(call.world, call.cluster, std::move(spec)), "", record);
}

Outcome<FilePlace> file_place(Call& call, const JsonObject& entry, const char* side) {
  const Json* part = entry.if_contains(side);
  if (part == nullptr || !part->is_object()) {
    return bad(262212, fmt::format("Field \"files_to_copy.{}\" is required.", side),
               "files_to_copy");
  }
  const JsonObject& object = part->as_object();
  const Json* named = at(object, "volume");
  HF_TRY(
      const JsonObject* volume,
      resolve_volume(call.cluster, named && named->is_object() ? named->as_object() : JsonObject(),
                     text_at(object, "svm.name")));
  if (std::string_view(side) == "destination" && text_at(*volume, "type") != "rw") {
    return bad(7018866, "The destination volume is read only.", "files_to_copy.destination");
  }
  return FilePlace{text_at(*volume, "uuid"), text_at(object, "path")};
}

Outcome<Answer> copy_files(Call& call) {
  const auto entries = objects_at(call.body, "files_to_copy");
  if (entries.empty()) {
    return bad(262212, "Field \"files_to_copy\" is required.", "files_to_copy");
  }
  if (entries.size() > kCopiesMax) {
    return bad(7018877, "A call copies at most 50 files.", "files_to_copy");
  }
  std::vector<std::pair<FilePlace, FilePlace>> pairs;
  for (const JsonObject& entry : entries) {
    HF_TRY(FilePlace from, file_place(call, entry, "source"));
    HF_TRY(FilePlace to, file_place(call, entry, "destination"));
    pairs.emplace_back(std::move(from), std::move(to));
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [pairs](JobRun& run) -> Done {
    for (const auto& [from, to] : pairs) {
      HF_TRY_VOID(copy_one(run, from, to, true));
    }
    return {};
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

// The sources disagree on the names in this body: each is taken.
std::string any_of(const JsonObject& body, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const std::string text = text_at(body, name); !text.empty()) {
      return text;
    }
  }
  return "";
}

Done known_fields(const JsonObject& body) {
  for (const auto& [key, value] : body) {
    if (!is_one_of(key, "vserver|svm|volume|snapshot|path|source_path|restore_path")) {
      return bad(262179, fmt::format("Unexpected argument \"{}\".", std::string(key)),
                 std::string(key));
    }
  }
  return {};
}

Done restore_directory(JobRun& run, const std::string& uuid, const std::string& snapshot,
                       const std::string& path, const std::string& target) {
  const auto mutex = run.world().volume_lock(uuid);
  const std::lock_guard hold(*mutex);
  Locked lock(run.world());
  const JsonObject* volume = run.cluster().find(kind::kVolume, uuid);
  if (volume == nullptr || text_at(*volume, "state") != "online") {
    return bad(6488114, "The volume is not online.", "volume");
  }
  HF_TRY(const std::string from,
         path_below(snapshot_folder(run.cluster(), *volume, snapshot), path));
  HF_TRY(const std::string to, path_below(volume_folder(run.cluster(), *volume), target));
  HF_TRY_VOID(lock.release());
  std::error_code failure;
  if (!std::filesystem::is_directory(from, failure)) {
    return bad(6488115, fmt::format("\"{}\" is no directory of snapshot \"{}\".", path, snapshot),
               "path");
  }
  if (path_exists(to) && !std::filesystem::is_directory(to, failure)) {
    return bad(6488118, fmt::format("\"{}\" exists and is no directory.", target), "restore_path");
  }
  HF_TRY(const std::int64_t written, mirror_tree(from, to));
  static_cast<void>(written);
  return {};
}

Outcome<Answer> directory_restore(Call& call) {
  HF_TRY_VOID(known_fields(call.body));
  const std::string svm = any_of(call.body, {"vserver", "svm", "svm.name"});
  const std::string name = any_of(call.body, {"volume", "volume.name"});
  const std::string snapshot = any_of(call.body, {"snapshot", "snapshot.name"});
  const std::string path = any_of(call.body, {"path", "source_path"});
  if (name.empty() || snapshot.empty() || path.empty()) {
    return bad(6488112, "\"volume\", \"snapshot\" and \"path\" are required.", "path");
  }
  JsonObject named{{"name", name}};
  if (const std::string by_uuid = text_at(call.body, "volume.uuid"); !by_uuid.empty()) {
    named["uuid"] = by_uuid;
  }
  HF_TRY(const JsonObject* volume, resolve_volume(call.cluster, named, svm));
  const std::string uuid = text_at(*volume, "uuid");
  if (snapshot_by_name(call.cluster, uuid, snapshot) == nullptr) {
    return bad(6488113, fmt::format("Snapshot \"{}\" does not exist.", snapshot), "snapshot");
  }
  const std::string target = any_of(call.body, {"restore_path"});
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [=, to = target.empty() ? path : target](JobRun& run) {
    return restore_directory(run, uuid, snapshot, path, to);
  };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

}  // namespace

void add_file_operations(Table& table) {
  table.add(Route{.method = "POST",
                  .pattern = "/storage/file/clone",
                  .handler = &clone_file,
                  .schema = &kCloneSchema});
  table.add(Route{.method = "POST", .pattern = "/storage/file/copy", .handler = &copy_files});
  table.add(Route{
      .method = "POST", .pattern = "/storage/directory-restore", .handler = &directory_restore});
}

}  // namespace holdfast::ontap_sim

// PATCH /storage/volumes/{uuid} with restore_to.*: SnapRestore of a volume, or of one file of it.
#include <fmt/core.h>

#include <filesystem>

#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::int64_t kRestoreBlock = 4096;  // start_byte and byte_count are multiples of it

struct FileRestore {
  std::string volume;
  std::string snapshot;  // its name
  std::string path;
  std::string target;
  std::int64_t start = -1;
  std::int64_t count = 0;
};

Done restore_file(JobRun& run, const FileRestore& wanted) {
  const auto mutex = run.world().volume_lock(wanted.volume);
  const std::lock_guard hold(*mutex);
  std::string from_top;
  std::string to_top;
  {
    Locked lock(run.world());
    const JsonObject* volume = run.cluster().find(kind::kVolume, wanted.volume);
    if (volume == nullptr || text_at(*volume, "state") != "online") {
      return bad(9437885, "The volume is not online.");
    }
    from_top = snapshot_folder(run.cluster(), *volume, wanted.snapshot);
    to_top = volume_folder(run.cluster(), *volume);
  }
  HF_TRY(const std::string from, path_below(from_top, wanted.path));
  HF_TRY(const std::string to, path_below(to_top, wanted.target));
  std::error_code failure;
  if (!path_exists(from)) {
    return Fault(
        404, 6684674,
        fmt::format("\"{}\" does not exist in snapshot \"{}\".", wanted.path, wanted.snapshot),
        "restore_to.path");
  }
  if (std::filesystem::is_directory(from, failure) || std::filesystem::is_directory(to, failure)) {
    return bad(524511, "A single-file restore takes no directories.", "restore_to.path");
  }
  if (wanted.start >= 0) {
    HF_TRY_VOID(copy_file_range_over(from, to, wanted.start, wanted.count));
  } else {
    HF_TRY_VOID(copy_file_over(from, to));
  }
  return {};
}

}  // namespace

Outcome<std::string> path_below(const std::string& top, std::string_view path) {
  std::filesystem::path out(top);
  for (const std::string_view bad_part : {"..", "."}) {
    for (const auto& part : std::filesystem::path(path)) {
      if (part == bad_part) {
        return bad(6684674, "The path has a dot segment.", "path");
      }
    }
  }
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  out /= path;
  std::error_code failure;
  const auto parent = std::filesystem::weakly_canonical(out.parent_path(), failure).string();
  const auto real_top = std::filesystem::weakly_canonical(top, failure).string();
  if (path.empty()) {
    return top;
  }
  if (parent != real_top && !parent.starts_with(real_top + "/")) {
    return Fault(404, 6684674, "No such file or directory: a link leads out of the volume.",
                 "path");
  }
  return out.string();
}

Outcome<Answer> restore_to(Call& call, const JsonObject& volume, const JsonObject& wanted) {
  const std::string uuid = text_at(volume, "uuid");
  const std::string name = text_at(wanted, "snapshot.name");
  const std::string snapshot_uuid = text_at(wanted, "snapshot.uuid");
  if (name.empty() && snapshot_uuid.empty()) {
    return bad(918251, "\"restore_to.snapshot.name\" or \"restore_to.snapshot.uuid\" is required.",
               "restore_to.snapshot");
  }
  const JsonObject* snapshot =
      snapshot_uuid.empty() ? snapshot_by_name(call.cluster, uuid, name)
                            : call.cluster.find(kind::kSnapshot, below_id(uuid, snapshot_uuid));
  if (snapshot == nullptr || is_pending(*snapshot)) {
    return Fault(404, 4,
                 fmt::format("Snapshot \"{}\" does not exist.",
                             snapshot_uuid.empty() ? name : snapshot_uuid),
                 "restore_to.snapshot");
  }
  if (!name.empty() && text_at(*snapshot, "name") != name) {
    return bad(918243, "The specified snapshot name and UUID refer to different snapshots.",
               "restore_to.snapshot");
  }
  if (text_at(volume, "state") != "online") {
    return bad(9437885, "The volume is not online.", "restore_to");
  }
  if (text_at(volume, "type") != "rw") {
    return bad(917628, "A data protection volume is restored by its relationship.", "restore_to");
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.svm = *at(volume, "svm")->if_object();
  const std::string path = text_at(wanted, "path");
  if (path.empty()) {
    const bool force = flag_at(wanted, "snapshot.force");
    spec.work = [uuid, id = text_at(*snapshot, "uuid"), force](JobRun& run) {
      return restore_volume(run.world(), run.cluster(), uuid, id, force);
    };
    return by_job(start_job(call.world, call.cluster, std::move(spec)));
  }
  FileRestore file{uuid,
                   text_at(*snapshot, "name"),
                   path,
                   text_at(wanted, "restore_path", path),
                   int_at(wanted, "start_byte", -1),
                   int_at(wanted, "byte_count")};
  if ((file.start >= 0 || file.count > 0) &&
      (file.start < 0 || file.count <= 0 || file.start % kRestoreBlock != 0 ||
       file.count % kRestoreBlock != 0)) {
    return bad(918251, "\"start_byte\" and \"byte_count\" go together and are multiples of 4096.",
               "restore_to.start_byte");
  }
  spec.work = [file](JobRun& run) { return restore_file(run, file); };
  return by_job(start_job(call.world, call.cluster, std::move(spec)));
}

}  // namespace holdfast::ontap_sim

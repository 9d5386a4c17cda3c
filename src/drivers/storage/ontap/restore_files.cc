// Single files and directories out of a snapshot. The snapshot's directory is listed first: it says
// whether the path is there, and whether it is a file or a directory, which come back differently.

#include <fmt/core.h>

#include "core/net/url.h"
#include "drivers/storage/ontap/files.h"
#include "drivers/storage/ontap/restore_impl.h"
#include "drivers/storage/ontap/visibility.h"

namespace holdfast::storage::ontap {

using async::Co;

namespace {

constexpr size_t kFilesPerCopy = 50;  // more is refused with 7018877
constexpr std::int64_t kDirectoryMajor = 15;
constexpr std::int64_t kDirectoryMinor = 1;

// Below the volume's root.
std::string in_snapshot(const std::string& snapshot, const std::string& path) {
  const std::string top = std::string(kSnapshotDirectory.substr(1)) + "/" + snapshot;
  return path.empty() ? top : top + "/" + path;
}

Json volume_path(const std::string& svm, const std::string& volume, const std::string& path) {
  return JsonObject{
      {"svm", JsonObject{{"name", svm}}}, {"volume", JsonObject{{"name", volume}}}, {"path", path}};
}

}  // namespace

Co<Result<std::vector<FileEntry>>> OntapRestore::list_files(Volume volume, std::string snapshot,
                                                            std::string directory) {
  if (!directory.empty()) {
    HF_CO_TRY_VOID(check_restore_path(directory));
  }
  HF_CO_TRY(const Open now, co_await open_with(std::move(volume), snapshot));
  co_return co_await list_directory(now.cluster, now.info.uuid, in_snapshot(snapshot, directory),
                                    {});
}

// Where the file lies: the volume and what the snapshot holds at its path.
Co<Result<OntapRestore::Found>> OntapRestore::find_file(Volume volume, std::string snapshot,
                                                        FileToRestore file) {
  HF_CO_TRY_VOID(check_restore_path(file.path));
  HF_CO_TRY_VOID(check_restore_path(file.to));
  HF_CO_TRY(Open now, co_await open_with(std::move(volume), snapshot));
  HF_CO_TRY(auto entry,
            co_await look_at_file(now.cluster, now.info.uuid, in_snapshot(snapshot, file.path)));
  if (!entry) {
    co_return Error(Code::kNotFound, fmt::format("snapshot {} holds no '{}'", snapshot, file.path))
        .with("volume", now.info.name);
  }
  co_return Found{std::move(now), *std::move(entry)};
}

Co<Status> OntapRestore::restore_directory(Open now, std::string snapshot, FileToRestore file) {
  if (!at_least(now.cluster->version, kDirectoryMajor, kDirectoryMinor)) {
    co_return Error(
        Code::kFailedPrecondition,
        fmt::format("'{}' is a directory, and cluster {} ({}) restores directories only "
                    "from ONTAP 9.15.1 on: restore its files, or the volume",
                    file.path, now.cluster->name, now.cluster->version.text));
  }
  Write write{.method = "POST",
              .path = "/storage/directory-restore",
              .query = {},
              .body = JsonObject{{"svm", now.info.svm},
                                 {"volume", now.info.name},
                                 {"snapshot", snapshot},
                                 {"path", "/" + file.path},
                                 {"restore_path", "/" + file.to}},
              .what = "restore the directory",
              .deadline = kRestoreDeadline};
  co_return status_of(co_await now.cluster->client->write(std::move(write)));
}

Co<Status> OntapRestore::restore_file(Volume volume, std::string snapshot, FileToRestore file) {
  HF_CO_TRY(const Found found, co_await find_file(std::move(volume), snapshot, file));
  if (found.entry.type == "directory") {
    co_return co_await restore_directory(found.at, std::move(snapshot), std::move(file));
  }
  Write write{.method = "PATCH",
              .path = "/storage/volumes/" + net::url_encode(found.at.info.uuid),
              .query = {{"restore_to.snapshot.name", snapshot},
                        {"restore_to.path", file.path},
                        {"restore_to.restore_path", file.to}},
              .body = JsonObject{},
              .what = "restore the file",
              .deadline = kRestoreDeadline};
  co_return status_of(co_await found.at.cluster->client->write(std::move(write)));
}

Co<Status> OntapRestore::clone_file(Volume volume, std::string snapshot, FileToRestore file) {
  HF_CO_TRY(const Found found, co_await find_file(std::move(volume), snapshot, file));
  const VolumeInfo& info = found.at.info;
  if (found.entry.type == "directory") {
    co_return Error(Code::kFailedPrecondition,
                    fmt::format("'{}' is a directory: files are cloned one by one", file.path));
  }
  Write write{.method = "POST",
              .path = "/storage/file/clone",
              .query = {},
              .body = JsonObject{{"volume", JsonObject{{"name", info.name}, {"uuid", info.uuid}}},
                                 {"source_path", in_snapshot(snapshot, file.path)},
                                 {"destination_path", file.to}},
              .what = "clone the file out of the snapshot",
              .deadline = kRestoreDeadline};
  co_return status_of(co_await found.at.cluster->client->write(std::move(write)));
}

Co<Status> OntapRestore::copy_files(Volume volume, std::string snapshot,
                                    std::vector<FileToRestore> files, std::string target) {
  const size_t colon = target.find(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == target.size()) {
    co_return Error(Code::kInvalidArgument, "the target of a restore is written svm:volume")
        .with("target", target);
  }
  std::vector<Found> found;
  for (const FileToRestore& file : files) {
    HF_CO_TRY(Found one, co_await find_file(volume, snapshot, file));
    if (one.entry.type == "directory") {
      co_return Error(Code::kFailedPrecondition,
                      fmt::format("'{}' is a directory: files are copied one by one", file.path));
    }
    found.push_back(std::move(one));
  }
  for (size_t first = 0; first < files.size(); first += kFilesPerCopy) {
    JsonArray pairs;
    for (size_t i = first; i < std::min(first + kFilesPerCopy, files.size()); ++i) {
      const VolumeInfo& info = found[i].at.info;
      pairs.push_back(JsonObject{
          {"source", volume_path(info.svm, info.name, in_snapshot(snapshot, files[i].path))},
          {"destination",
           volume_path(target.substr(0, colon), target.substr(colon + 1), files[i].to)}});
    }
    Write write{.method = "POST",
                .path = "/storage/file/copy",
                .query = {},
                .body = JsonObject{{"files_to_copy", std::move(pairs)}},
                .what = "copy files to " + target,
                .deadline = kRestoreDeadline};
    HF_CO_TRY_VOID(status_of(co_await found.front().at.cluster->client->write(std::move(write))));
  }
  co_return Status();
}

}  // namespace holdfast::storage::ontap

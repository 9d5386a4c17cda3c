#include "drivers/storage/ontap/files.h"

#include <algorithm>

#include "core/net/url.h"
#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {

using async::Co;

Co<Result<std::vector<FileEntry>>> list_directory(ClusterPtr cluster, std::string volume,
                                                  std::string path, Query filter) {
  filter.emplace_back("fields", "name,path,type,size,modified_time");
  const std::string place = encode_file_path(path.empty() ? "/" : path);
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list(
                "/storage/volumes/" + net::url_encode(volume) + "/files/" + place,
                std::move(filter), "list the directory"));
  std::vector<FileEntry> entries;
  for (const Json& record : records) {
    const std::string name = get_string(record, "name");
    if (name == "." || name == "..") {
      continue;
    }
    const auto modified = parse_time(get_string(record, "modified_time"));
    entries.push_back(
        {.name = name,
         .type = get_string(record, "type"),
         .size = static_cast<std::uint64_t>(std::max<std::int64_t>(get_int(record, "size"), 0)),
         .modified = modified ? std::optional(*modified) : std::nullopt});
  }
  std::sort(entries.begin(), entries.end(),
            [](const FileEntry& a, const FileEntry& b) { return a.name < b.name; });
  co_return entries;
}

// Its directory is listed: that tells a file from a directory without reading either.
Co<Result<std::optional<FileEntry>>> look_at_file(ClusterPtr cluster, std::string volume,
                                                  std::string path) {
  while (path.ends_with('/')) {
    path.pop_back();
  }
  const size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  const auto entries = co_await list_directory(
      std::move(cluster), std::move(volume),
      slash == std::string::npos ? "" : path.substr(0, slash), {{"name", exactly(name)}});
  if (!entries && entries.error().code() == Code::kNotFound) {
    co_return std::nullopt;
  }
  HF_CO_TRY_VOID(status_of(entries));
  const auto found = std::find_if(entries->begin(), entries->end(),
                                  [&](const FileEntry& entry) { return entry.name == name; });
  co_return found == entries->end() ? std::nullopt : std::optional<FileEntry>(*found);
}

}  // namespace holdfast::storage::ontap

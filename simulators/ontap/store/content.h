// Single files as the API shows, reads and writes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "simulators/ontap/rest/fault.h"

namespace holdfast::ontap_sim {

// The fields of /storage/volumes/{}/files of one path: type, size, times, owner, mode.
Outcome<JsonObject> describe_file(const std::string& path, const std::string& name,
                                  const std::string& folder);
// The entries of a folder, with "." and "..", by name.
Outcome<std::vector<JsonObject>> list_folder(const std::string& path, const std::string& folder);

// Up to `length` bytes from `offset`.
Outcome<std::string> read_part(const std::string& path, std::int64_t offset, std::int64_t length);
// `offset` -1 appends. The bytes are on the disk's way when it returns; `overwrite` empties the
// file first.
Done write_part(const std::string& path, std::int64_t offset, bool overwrite,
                std::string_view data);

Done make_directory(const std::string& path, int mode);
Done make_link(const std::string& path, const std::string& target);
Done set_mode(const std::string& path, int mode);
// 131138: a folder that is not empty, unless `recurse`.
Done remove_path(const std::string& path, bool recurse);

}  // namespace holdfast::ontap_sim

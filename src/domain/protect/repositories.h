// Repositories of this server: their key files, their making and their taking over.
//
// A key is a 256-bit random text in DIR/keys/NAME.key (0600), written and synced before the
// repository is made; beside it NAME.json says where the repository is. Keys and repositories are
// all that catalog_rebuild needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "domain/activities/data_context.h"
#include "domain/inventory/model.h"
#include "domain/protect/server_context.h"

namespace holdfast::protect {

inline constexpr std::string_view kDefaultRepository = "default";
inline constexpr std::string_view kReplicaRepository = "replica";

// Letters, digits, '-', '_' and '.', up to 64, not beginning with a dot: safe as a file name.
Status check_name(std::string_view kind, std::string_view name);

// Makes (or takes over, when this server's key opens it) the repository at `location`; fills in
// password_file and same_disk_as. Blocks. `like` is the repository whose chunker it shares.
Result<inventory::Repository> make_repository(const ServerContext& server,
                                              const activities::DataContext& data,
                                              inventory::Repository wanted,
                                              const inventory::Repository* like,
                                              const std::vector<inventory::Repository>& others);

// Makes the two default repositories of a server that has none, and puts rows back for repositories
// whose key files are there but whose rows are not: true, the database was lost. Blocks.
Result<bool> ensure_repositories(const ServerContext& server, const activities::DataContext& data);

// The repositories that DIR/keys describes.
Result<std::vector<inventory::Repository>> described_repositories(const ServerContext& server);

}  // namespace holdfast::protect

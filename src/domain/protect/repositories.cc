#include "domain/protect/repositories.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <tuple>

#include "core/env/posix/atomic_file.h"
#include "domain/inventory/catalog.h"

namespace holdfast::protect {
namespace {

namespace fs = std::filesystem;

std::string key_file(const ServerContext& server, const std::string& name) {
  return server.keys_dir() + "/" + name + ".key";
}

std::string description_file(const ServerContext& server, const std::string& name) {
  return server.keys_dir() + "/" + name + ".json";
}

// Writes the key unless it is there: an earlier attempt may have made the repository with it.
Status ensure_key(const ServerContext& server, const std::string& name) {
  const std::string path = key_file(server, name);
  std::error_code failure;
  if (fs::exists(path, failure)) {
    return {};
  }
  HF_TRY_VOID(env::make_directories(server.keys_dir(), 0700));
  std::array<std::uint8_t, 32> bytes{};
  server.random.fill(bytes);
  return env::write_file_atomically(path, to_hex(bytes) + "\n", 0600);
}

Status describe_repository(const ServerContext& server, const inventory::Repository& repository) {
  const Json text = JsonObject{
      {"id", repository.id.text()},          {"name", repository.name},
      {"location", repository.location},     {"group", repository.group},
      {"replica_of", repository.replica_of}, {"created_at", to_rfc3339(repository.created_at)}};
  return env::write_file_atomically(description_file(server, repository.name), to_pretty_text(text),
                                    0600);
}

// The device of the path or of its nearest parent that exists.
std::uint64_t device_of(fs::path path) {
  struct stat info{};
  while (::lstat(path.c_str(), &info) != 0 && path.has_parent_path() &&
         path != path.parent_path()) {
    path = path.parent_path();
  }
  return info.st_dev;
}

std::string same_disk(const inventory::Repository& repository,
                      const std::vector<inventory::Repository>& others) {
  for (const inventory::Repository& other : others) {
    if (other.name != repository.name &&
        device_of(other.location) == device_of(repository.location)) {
      return other.name;
    }
  }
  return "";
}

activities::RepositoryRef reference(const inventory::Repository& repository) {
  return {repository.name, repository.location, repository.password_file};
}

Result<inventory::Repository> from_description(const ServerContext& server, const fs::path& path) {
  HF_TRY(const std::string text, env::read_small_file(path.string()));
  HF_TRY(const Json value, parse_json(text));
  inventory::Repository repository;
  repository.id = inventory::RepositoryId(get_string(value, "id"));
  repository.name = get_string(value, "name");
  repository.location = get_string(value, "location");
  repository.group = get_string(value, "group");
  repository.replica_of = get_string(value, "replica_of");
  repository.password_file = key_file(server, repository.name);
  repository.created_at = parse_rfc3339(get_string(value, "created_at")).value_or(UtcTime());
  return repository;
}

Result<inventory::Repository> make_default(const ServerContext& server,
                                           const activities::DataContext& data,
                                           std::string_view name, const inventory::Repository* like,
                                           const std::vector<inventory::Repository>& others) {
  inventory::Repository wanted;
  wanted.id = inventory::RepositoryId(server.new_id("repo_"));
  wanted.name = std::string(name);
  wanted.location = server.repositories_dir() + "/" + wanted.name;
  wanted.replica_of = like == nullptr ? "" : like->name;
  wanted.created_at = server.clock.now();
  return make_repository(server, data, std::move(wanted), like, others);
}

}  // namespace

Status check_name(std::string_view kind, std::string_view name) {
  const bool good = !name.empty() && name.size() <= 64 && name.front() != '.' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                             (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                    });
  if (!good) {
    return Error(Code::kInvalidArgument, fmt::format("'{}' is no {} name: use up to 64 letters, "
                                                     "digits, '-', '_' and '.', not beginning "
                                                     "with a dot",
                                                     name, kind))
        .with("/name", "is not allowed");
  }
  return {};
}

Result<inventory::Repository> make_repository(const ServerContext& server,
                                              const activities::DataContext& data,
                                              inventory::Repository wanted,
                                              const inventory::Repository* like,
                                              const std::vector<inventory::Repository>& others) {
  HF_TRY_VOID(check_name("repository", wanted.name));
  if (!fs::path(wanted.location).is_absolute()) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("the location '{}' of a repository must be an absolute path", wanted.location));
  }
  wanted.group = wanted.group.empty() ? "default" : wanted.group;
  wanted.password_file = key_file(server, wanted.name);
  wanted.same_disk_as = same_disk(wanted, others);
  HF_TRY_VOID(ensure_key(server, wanted.name));
  HF_TRY_VOID(describe_repository(server, wanted));
  const activities::RepositoryRef source =
      like == nullptr ? activities::RepositoryRef() : reference(*like);
  const Status made = data.init(reference(wanted), like == nullptr ? nullptr : &source);
  if (!made && made.error().code() == Code::kAlreadyExists) {
    HF_TRY_VOID(status_of(data.open(reference(wanted))));
    return wanted;
  }
  HF_TRY_VOID(made);
  return wanted;
}

Result<std::vector<inventory::Repository>> described_repositories(const ServerContext& server) {
  std::vector<inventory::Repository> repositories;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(server.keys_dir(), failure)) {
    if (entry.path().extension() == ".json") {
      HF_TRY(inventory::Repository repository, from_description(server, entry.path()));
      repositories.push_back(std::move(repository));
    }
  }
  std::sort(repositories.begin(), repositories.end(), [](const auto& a, const auto& b) {
    return std::tie(a.created_at, a.name) < std::tie(b.created_at, b.name);
  });
  return repositories;
}

Result<bool> ensure_repositories(const ServerContext& server, const activities::DataContext& data) {
  HF_TRY(const auto rows, server.db.read_blocking([](db::Connection& sql) {
    return inventory::list_repositories(sql);
  }));
  std::vector<inventory::Repository> all = rows;
  const auto named = [&all](std::string_view name) -> const inventory::Repository* {
    const auto found =
        std::find_if(all.begin(), all.end(), [name](const auto& row) { return row.name == name; });
    return found == all.end() ? nullptr : &*found;
  };
  HF_TRY(const auto described, described_repositories(server));
  std::vector<inventory::Repository> added;
  for (inventory::Repository repository : described) {
    if (named(repository.name) == nullptr) {
      repository.same_disk_as = same_disk(repository, all);
      added.push_back(repository);
      all.push_back(std::move(repository));
    }
  }
  const bool lost = !added.empty();
  if (named(kDefaultRepository) == nullptr) {
    HF_TRY(inventory::Repository made,
           make_default(server, data, kDefaultRepository, nullptr, all));
    added.push_back(made);
    all.push_back(std::move(made));
  }
  if (named(kReplicaRepository) == nullptr) {
    const inventory::Repository source = *named(kDefaultRepository);
    HF_TRY(inventory::Repository made,
           make_default(server, data, kReplicaRepository, &source, all));
    added.push_back(std::move(made));
  }
  HF_TRY_VOID(server.db.write_blocking([added](db::Connection& sql) -> Status {
    for (const inventory::Repository& repository : added) {
      HF_TRY_VOID(inventory::put_repository(sql, repository));
    }
    return {};
  }));
  return lost;
}

}  // namespace holdfast::protect

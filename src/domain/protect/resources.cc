#include "domain/protect/resources.h"

#include <fmt/core.h>

#include <filesystem>

#include "core/async/run.h"
#include "core/env/posix/atomic_file.h"
#include "domain/access/agents.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/backup_activities.h"
#include "domain/protect/groups.h"
#include "domain/protect/noted.h"
#include "domain/protect/policy_copies.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/repositories.h"
#include "domain/protect/schedule_state.h"
#include "drivers/storage/registry.h"

namespace holdfast::protect {
namespace {

constexpr size_t kMostSnapshots = 1023;  // of an ONTAP volume, those of others among them

// The consistency that a driver's points have at best: a quiesced snapshot is application
// consistent.
std::string best_consistency(const inventory::Resource& resource) {
  if (resource.driver == "directory") {
    return "none";
  }
  return resource.quiesce_command.empty() ? "crash" : "application";
}

int rank(const std::string& consistency) {
  return consistency == "application" ? 2 : consistency == "crash" ? 1 : 0;
}

Error cannot(const inventory::Resource& resource, const Policy& policy, const Level& level,
             std::string_view why) {
  return Error(Code::kFailedPrecondition,
               fmt::format("policy '{}' demands level {} of resource '{}', which cannot be: {}",
                           policy.name, level.level, resource.name, why));
}

// The copies that the level's means holds at most.
Status check_count(const inventory::Resource& resource, const Policy& policy, size_t index) {
  const Level& level = policy.levels[index];
  const bool snapshots =
      method_of(resource.driver, level.level, !level.destination.empty()) == "ontap_snapshot";
  const auto found = snapshots
                         ? too_many_copies(policy, index, kMostSnapshots, "an ONTAP volume holds")
                         : too_many_replicas(policy, index);
  return found ? Status(cannot(resource, policy, level, found->sentence)
                            .with(found->pointer, "keeps more copies than there can be"))
               : Status();
}

// Levels and locks that the resource's storage cannot give.
Status check_level(const inventory::Resource& resource, const Policy& policy, const Level& level) {
  const bool mirrors = resource.driver == "ontap";
  if ((level.level == "remote_replica" || level.level == "cloud_backup") && !mirrors) {
    return cannot(resource, policy, level,
                  fmt::format("the driver {} has no replication of its own", resource.driver));
  }
  if (level.level == "archive" && !mirrors) {
    return cannot(
        resource, policy, level,
        fmt::format("the driver {} has no copies that nobody can delete", resource.driver));
  }
  if (!level.destination.empty() && !mirrors) {
    return cannot(resource, policy, level,
                  fmt::format("the driver {} has no replication of its own, so the level has no "
                              "destination",
                              resource.driver));
  }
  if (level.lock.count() == 0) {
    return {};
  }
  const std::string method = method_of(resource.driver, level.level, !level.destination.empty());
  if (method == "restic" || method == "btrfs_snapshot" || method == "snapmirror_cloud") {
    return cannot(resource, policy, level,
                  "only ONTAP snapshots and SnapMirror copies have a lock");
  }
  if (method == "ontap_snapshot" && !resource.consistency_group.empty()) {
    return cannot(resource, policy, level,
                  "a member of a consistency group has no locked snapshots (53411959): lock the "
                  "replicated copy instead");
  }
  if (method == "snapmirror" && !level.mirror_policy.empty()) {
    return cannot(resource, policy, level,
                  "the lock of a replicated copy is the period of a rule in its SnapMirror policy: "
                  "set it there, or leave mirror_policy out");
  }
  for (const ScheduleEntry& schedule : policy.schedules) {
    const auto kept = parse_duration(schedule.retention);
    if (kept && *kept < level.lock) {
      return cannot(resource, policy, level,
                    fmt::format("it is locked for {} and schedule '{}' lets it go after {}",
                                format_duration(level.lock), schedule.label, schedule.retention));
    }
  }
  return {};
}

}  // namespace

Status check_capabilities(const inventory::Resource& resource, const Policy& policy) {
  const std::string best = best_consistency(resource);
  if (rank(policy.consistency) > rank(best)) {
    const std::string why = resource.driver == "directory" ? "a plain directory has no snapshots"
                                                           : "it has no quiesce_command";
    return Error(
        Code::kFailedPrecondition,
        fmt::format("policy '{}' demands consistency '{}', and resource '{}' offers '{}': {}",
                    policy.name, policy.consistency, resource.name, best, why));
  }
  if (policy.proof.level == inventory::ProofLevel::kL3 && resource.probe_command.empty()) {
    return Error(
        Code::kFailedPrecondition,
        fmt::format("policy '{}' demands proof level L3, and resource '{}' has no probe_command",
                    policy.name, resource.name));
  }
  for (size_t i = 0; i < policy.levels.size(); ++i) {
    HF_TRY_VOID(check_level(resource, policy, policy.levels[i]));
    HF_TRY_VOID(check_count(resource, policy, i));
  }
  return {};
}

namespace {

// A group that is named must be the one that the storage system has, where it has groups.
async::Co<Status> look_at_group(storage::Driver* driver, storage::Volume volume, std::string name) {
  if (name.empty() || !driver->capabilities().groups) {
    co_return Status();
  }
  HF_CO_TRY(const auto group, co_await driver->group_of(volume));
  if (group && group->name == name) {
    co_return Status();
  }
  co_return Error(Code::kFailedPrecondition,
                  group ? fmt::format("the volume of {} is in consistency group '{}', not '{}'",
                                      volume.path, group->name, name)
                        : fmt::format("the volume of {} is in no consistency group: put it into "
                                      "'{}' on the storage system first",
                                      volume.path, name))
      .with("/consistency_group", "is not the volume's");
}

// Finds driver and real path of a directory of this host.
async::Co<Status> look_here(const Services& services, NewResource wanted,
                            inventory::Resource& resource) {
  resource.driver = wanted.driver;
  if (resource.driver.empty()) {
    const activities::DataContext* data = &services.data;
    resource.driver = co_await async::run_on(data->blocking(), [data, path = wanted.path] {
      const auto real = storage::real_directory(path);
      const bool on_a_system = real && data->systems().place_of(*real);
      return on_a_system ? std::string("ontap") : storage::suitable_kind(path);
    });
  }
  HF_CO_TRY(storage::Driver* const driver, services.data.driver(resource.driver));
  auto volume = co_await driver->resolve(wanted.path);
  if (!volume) {
    co_return std::move(volume).error().with("/path", "cannot be protected");
  }
  resource.path = volume->path;
  co_return co_await look_at_group(driver, *volume, wanted.consistency_group);
}

// A path on an agent's host cannot be looked at from here, and the agent may be away: the first
// step of each backup, which runs there, tells what is wrong with it.
async::Co<Status> take_word(const Services& services, NewResource wanted,
                            inventory::Resource& resource) {
  HF_CO_TRY_VOID(status_of(co_await services.server.db.read(
      [name = wanted.agent](db::Connection& sql) -> Result<access::Agent> {
        auto found = access::find_agent(sql, name);
        if (!found) {
          return std::move(found).error().with("/agent", "does not exist");
        }
        return found;
      })));
  resource.driver = wanted.driver.empty() ? "directory" : wanted.driver;
  HF_CO_TRY_VOID(status_of(services.data.driver(resource.driver)));
  const std::filesystem::path path(wanted.path);
  if (!path.is_absolute()) {
    co_return Error(Code::kInvalidArgument, "a path on an agent's host is given from the root")
        .with("/path", "must begin with '/'");
  }
  resource.path = path.lexically_normal().string();
  while (resource.path.size() > 1 && resource.path.ends_with('/')) {
    resource.path.pop_back();
  }
  co_return Status();
}

}  // namespace

async::Co<Result<inventory::Resource>> resolve_resource(const Services& services,
                                                        NewResource wanted) {
  HF_CO_TRY_VOID(check_name("resource", wanted.name));
  inventory::Resource resource;
  resource.id = inventory::ResourceId(services.server.new_id("res_"));
  resource.name = wanted.name;
  resource.agent = wanted.agent;
  HF_CO_TRY_VOID(wanted.agent.empty() ? co_await look_here(services, wanted, resource)
                                      : co_await take_word(services, wanted, resource));
  resource.policy = wanted.policy;
  resource.labels = wanted.labels;
  resource.quiesce_command = wanted.quiesce_command;
  resource.release_command = wanted.release_command;
  resource.probe_command = wanted.probe_command;
  resource.consistency_group = wanted.consistency_group;
  resource.created_at = services.server.clock.now();
  co_return resource;
}

async::Co<Result<inventory::Resource>> add_resource(const Services& services, Caller caller,
                                                    NewResource wanted) {
  HF_CO_TRY(const inventory::Resource resource, co_await resolve_resource(services, wanted));
  const ServerContext* server = &services.server;
  co_return co_await server->db.write([=](db::Connection& sql) -> Result<inventory::Resource> {
    if (inventory::find_resource(sql, resource.name)) {
      return Error(Code::kAlreadyExists,
                   fmt::format("there is a resource '{}' already: see 'holdfast resource show {}'",
                               resource.name, resource.name));
    }
    HF_TRY(const Policy policy, policy_of(sql, resource, server->timezone));
    HF_TRY_VOID(check_capabilities(resource, policy));
    HF_TRY_VOID(check_group(sql, *server, resource, policy));
    HF_TRY_VOID(inventory::put_resource(sql, resource));
    HF_TRY_VOID(
        note(sql, *server, caller, {.action = "resource.created", .target = resource.id.text()}));
    return resource;
  });
}

async::Co<Result<inventory::Resource>> remove_resource(const Services& services, Caller caller,
                                                       std::string id_or_name) {
  const ServerContext* server = &services.server;
  co_return co_await server->db.write([=](db::Connection& sql) -> Result<inventory::Resource> {
    HF_TRY(const inventory::Resource resource, inventory::find_resource(sql, id_or_name));
    HF_TRY_VOID(inventory::remove_resource(sql, resource.id, server->clock.now()));
    HF_TRY_VOID(status_of(
        sql.exec("DELETE FROM expected_runs WHERE resource_id = ?1 AND status = 'expected'",
                 resource.id.text())));
    HF_TRY_VOID(drop_schedule_states(sql, resource.id.text()));
    HF_TRY_VOID(
        note(sql, *server, caller, {.action = "resource.removed", .target = resource.id.text()}));
    return resource;
  });
}

async::Co<Result<inventory::Repository>> add_repository(const Services& services, Caller caller,
                                                        NewRepository wanted) {
  const ServerContext* server = &services.server;
  HF_CO_TRY(const auto others, co_await server->db.read([](db::Connection& sql) {
    return inventory::list_repositories(sql);
  }));
  const inventory::Repository* like = nullptr;
  for (const inventory::Repository& other : others) {
    if (other.name == wanted.name) {
      co_return Error(Code::kAlreadyExists,
                      fmt::format("there is a repository '{}' already", wanted.name));
    }
    like = other.name == wanted.replica_of ? &other : like;
  }
  if (!wanted.replica_of.empty() && like == nullptr) {
    co_return Error(Code::kNotFound, fmt::format("there is no repository '{}' to be a replica of",
                                                 wanted.replica_of))
        .with("/replica_of", "does not exist");
  }
  inventory::Repository repository;
  repository.id = inventory::RepositoryId(server->new_id("repo_"));
  repository.name = wanted.name;
  repository.location = wanted.location;
  repository.replica_of = wanted.replica_of;
  repository.created_at = server->clock.now();
  const activities::DataContext* data = &services.data;
  HF_CO_TRY(const inventory::Repository made, co_await async::run_on(services.data.blocking(), [=] {
              return make_repository(*server, *data, repository, like, others);
            }));
  co_return co_await server->db.write([=](db::Connection& sql) -> Result<inventory::Repository> {
    HF_TRY_VOID(inventory::put_repository(sql, made));
    HF_TRY_VOID(
        note(sql, *server, caller, {.action = "repository.created", .target = made.id.text()}));
    return made;
  });
}

async::Co<Result<SecretString>> repository_password(const Services& services, Caller caller,
                                                    std::string id_or_name) {
  const ServerContext* server = &services.server;
  HF_CO_TRY(const inventory::Repository repository,
            co_await server->db.write([=](db::Connection& sql) -> Result<inventory::Repository> {
              HF_TRY(inventory::Repository found, inventory::find_repository(sql, id_or_name));
              HF_TRY_VOID(note(sql, *server, caller,
                               {.action = "repository.password_read", .target = found.id.text()}));
              return found;
            }));
  HF_CO_TRY(std::string text, env::read_small_file(repository.password_file));
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  co_return SecretString(std::move(text));
}

}  // namespace holdfast::protect

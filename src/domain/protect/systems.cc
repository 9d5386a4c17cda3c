// Secrets given over the API go to DIR/keys/system-NAME.* before the row is written; a document may
// also name files of its own. The row and the driver's list of systems change one after the other:
// a crash between them is repaired by load_systems() at the next start.
#include "domain/protect/systems.h"

#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <set>

#include "core/async/run.h"
#include "core/audit/audit.h"
#include "core/base/log.h"
#include "core/env/posix/atomic_file.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/repositories.h"
#include "domain/protect/system_figures.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/connection_check.h"
#include "drivers/storage/ontap/events.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/inventory.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;

constexpr Nanoseconds kEventsSince = std::chrono::hours(24);

Result<SecretString> read_secret(const std::string& file) {
  HF_TRY(std::string text, env::read_small_file(file));
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.pop_back();
  }
  if (text.empty()) {
    return Error(Code::kInvalidArgument, "the file is empty").with("path", file);
  }
  return SecretString(std::move(text));
}

std::string secret_file(const ServerContext& server, const std::string& name,
                        std::string_view what) {
  return fmt::format("{}/system-{}.{}", server.keys_dir(), name, what);
}

// Writes the secrets that came with the request, and lets the document name their files.
Status keep_secrets(const ServerContext& server, NewSystem& wanted) {
  JsonObject& document = wanted.document.get_object();
  const std::string name = get_string(wanted.document, "name");
  if (!wanted.password.empty()) {
    const std::string file = secret_file(server, name, "password");
    HF_TRY_VOID(env::write_file_atomically(file, wanted.password.expose(), 0600));
    document["password_file"] = file;
  }
  if (!wanted.client_secret.empty()) {
    JsonObject* oauth2 = document.contains("oauth2") ? document["oauth2"].if_object() : nullptr;
    if (oauth2 == nullptr) {
      return Error(Code::kInvalidArgument, "a client_secret needs oauth2 beside it")
          .with("/oauth2", "is required");
    }
    const std::string file = secret_file(server, name, "client-secret");
    HF_TRY_VOID(env::write_file_atomically(file, wanted.client_secret.expose(), 0600));
    (*oauth2)["client_secret_file"] = file;
  }
  return {};
}

Status note(db::Connection& sql, const ServerContext& server, const Caller& caller,
            std::string action, std::string target, const Json& payload) {
  audit::Change change;
  change.actor = caller.principal.name;
  change.action = std::move(action);
  change.target = std::move(target);
  change.request_id = caller.request_id;
  change.payload_hash = audit::payload_hash(to_text(payload));
  change.at = server.clock.now();
  return status_of(audit::append(sql, change));
}

Result<std::shared_ptr<ontap::System>> connected(const Services& services,
                                                 const std::string& name) {
  auto system = services.data.systems().find(name);
  if (!system) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("storage system '{}' cannot be used: its document or a file that it "
                             "names is wrong; add it again",
                             name));
  }
  return system;
}

Co<Result<std::shared_ptr<ontap::System>>> open_system(const Services* services,
                                                       std::string id_or_name) {
  HF_CO_TRY(const inventory::StoredSystem stored,
            co_await services->server.db.read([id_or_name](db::Connection& sql) {
              return inventory::find_system(sql, id_or_name);
            }));
  co_return connected(*services, stored.name);
}

// What the catalog knows, read once, so that the driver can ask it while it looks.
struct CatalogKnowledge {
  std::set<std::string> volumes;   // Volume::id of the protected ones
  std::set<std::string> points;    // their snapshots
  std::set<std::string> replicas;  // destinations that policies name
  std::set<std::string> clones;    // of proofs that run now
};

// The volumes that running proofs work on.
Co<Result<std::set<std::string>>> clones_in_use(const Services* services) {
  flow::ListQuery query;
  query.type = "recovery_proof";
  query.statuses = {flow::RunStatus::kRunning};
  query.limit = 1000;
  HF_CO_TRY(const auto page, co_await services->flow.list(query));
  std::set<std::string> names;
  for (const flow::RunSummary& run : page.runs) {
    names.insert(ontap::clone_volume_name(run.workflow_id.text()));
  }
  co_return names;
}

Co<Result<CatalogKnowledge>> catalog_knowledge(const Services* services) {
  struct Rows {
    std::vector<inventory::Resource> resources;
    std::set<std::string> points;
    std::set<std::string> locations;
  };
  HF_CO_TRY(
      const Rows rows, co_await services->server.db.read([](db::Connection& sql) -> Result<Rows> {
        Rows found;
        HF_TRY(found.resources, inventory::list_resources(sql));
        HF_TRY(const auto copies,
               sql.all(
                   "SELECT snapshot_id, method, location FROM copies WHERE state = 'available' AND "
                   "method IN ('ontap_snapshot', 'snapmirror', 'snapmirror_cloud')"));
        for (const db::Row& row : copies) {
          found.points.insert(row.text(0));
          if (row.text(1) != "ontap_snapshot") {
            found.locations.insert(row.text(2));
          }
        }
        return found;
      }));
  CatalogKnowledge known{{}, rows.points, rows.locations, {}};
  HF_CO_TRY(known.clones, co_await clones_in_use(services));
  HF_CO_TRY(storage::Driver* const driver, services->data.driver("ontap"));
  for (const inventory::Resource& resource : rows.resources) {
    if (resource.driver == "ontap") {
      const auto volume = co_await driver->resolve(resource.path);
      if (volume) {
        known.volumes.insert(volume->id);
      }
    }
  }
  co_return known;
}

}  // namespace

Co<Status> check_system(const Services& services, Json document) {
  co_return co_await async::run_on(services.data.blocking(), [document]() -> Status {
    HF_TRY_VOID(check_name("system", get_string(document, "name")));
    return status_of(ontap::decode_endpoint(document, read_secret));
  });
}

Co<Result<inventory::StoredSystem>> put_system(const Services& services, Caller caller,
                                               NewSystem wanted) {
  const ServerContext* server = &services.server;
  const Services* all = &services;
  HF_CO_TRY_VOID(check_name("system", get_string(wanted.document, "name")));
  auto kept = std::make_shared<NewSystem>(std::move(wanted));
  HF_CO_TRY(
      const ontap::Endpoint endpoint,
      co_await async::run_on(services.data.blocking(), [server, kept]() -> Result<ontap::Endpoint> {
        HF_TRY_VOID(keep_secrets(*server, *kept));
        return ontap::decode_endpoint(kept->document, read_secret);
      }));
  inventory::StoredSystem system;
  system.id = server->new_id("sys_");
  system.name = endpoint.name;
  system.type = std::string(ontap::kind_name(endpoint.kind));
  system.document = kept->document;
  system.created_at = server->clock.now();
  HF_CO_TRY(const inventory::StoredSystem stored,
            co_await server->db.write([=](db::Connection& sql) -> Result<inventory::StoredSystem> {
              inventory::StoredSystem row = system;
              if (const auto before = inventory::find_system(sql, row.name)) {
                row.id = before->id;
                row.created_at = before->created_at;
              }
              HF_TRY_VOID(inventory::put_system(sql, row));
              HF_TRY_VOID(note(sql, *server, caller, "system.saved", row.id, row.document));
              return row;
            }));
  HF_CO_TRY_VOID(all->data.systems().put(endpoint));
  co_return stored;
}

Co<Result<inventory::StoredSystem>> remove_system(const Services& services, Caller caller,
                                                  std::string id_or_name) {
  const ServerContext* server = &services.server;
  const Services* all = &services;
  HF_CO_TRY(const auto resources, co_await server->db.read([](db::Connection& sql) {
    return inventory::list_resources(sql);
  }));
  std::map<std::string, std::string> users;  // system -> names of its resources
  for (const inventory::Resource& resource : resources) {
    const auto place = all->data.systems().place_of(resource.path);
    if (resource.driver == "ontap" && place) {
      std::string& names = users[place->system->endpoint().name];
      names += (names.empty() ? "" : ", ") + resource.name;
    }
  }
  HF_CO_TRY(const inventory::StoredSystem gone,
            co_await server->db.write([=](db::Connection& sql) -> Result<inventory::StoredSystem> {
              HF_TRY(const auto system, inventory::find_system(sql, id_or_name));
              if (const auto used = users.find(system.name); used != users.end()) {
                return Error(Code::kConflict,
                             fmt::format("resources lie on storage system '{}': remove them first "
                                         "({})",
                                         system.name, used->second));
              }
              HF_TRY_VOID(inventory::remove_system(sql, system.id));
              HF_TRY_VOID(note(sql, *server, caller, "system.removed", system.id, Json()));
              return system;
            }));
  all->data.systems().remove(gone.name);
  unpublish(gone.name);
  for (const std::string_view what : {"password", "client-secret"}) {
    std::error_code ignored;
    std::filesystem::remove(secret_file(*server, gone.name, what), ignored);
  }
  co_return gone;
}

Co<Result<Json>> test_system(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  const auto report = co_await ontap::test_connection(system, &all->data.blocking());
  Json answer = ontap::to_json(report);
  answer.get_object()["system"] = system->endpoint().name;
  co_return answer;
}

Co<Result<Json>> system_inventory(const Services& services, std::string id_or_name) {
  HF_CO_TRY(const auto system, co_await open_system(&services, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  JsonArray items;
  for (const ontap::ClusterPtr& cluster : clusters) {
    auto found = co_await ontap::take_inventory(cluster);
    items.push_back(found ? ontap::to_json(*found)
                          : Json(JsonObject{{"uuid", cluster->uuid},
                                            {"name", cluster->name},
                                            {"problem", found.error().to_string()}}));
  }
  co_return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

Co<Result<Json>> system_events(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  JsonArray items;
  if (system->endpoint().kind == ontap::SystemKind::kUnifiedManager) {
    HF_CO_TRY(const auto events, co_await ontap::open_events(system));
    for (const ontap::StorageEvent& event : events) {
      items.push_back(ontap::to_json(event));
    }
  }
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  const UtcTime since = all->server.clock.now() - kEventsSince;
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY(const auto events, co_await ontap::ems_events(cluster, since));
    for (const ontap::StorageEvent& event : events) {
      items.push_back(ontap::to_json(event));
    }
  }
  co_return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

Co<Result<Json>> system_findings(const Services& services, std::string id_or_name) {
  const Services* all = &services;
  HF_CO_TRY(const auto system, co_await open_system(all, std::move(id_or_name)));
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  HF_CO_TRY(CatalogKnowledge knowledge, co_await catalog_knowledge(all));
  const auto kept = std::make_shared<const CatalogKnowledge>(std::move(knowledge));
  JsonArray items;
  for (const ontap::ClusterPtr& cluster : clusters) {
    ontap::Known known;
    known.is_protected = [kept](const std::string& id) { return kept->volumes.contains(id); };
    known.has_point = [kept](const std::string& id) { return kept->points.contains(id); };
    known.clone_in_use = [kept](const std::string& name) { return kept->clones.contains(name); };
    known.drives_relation = [kept, name = cluster->name](const std::string& destination) {
      return kept->replicas.contains(name + "/" + destination);
    };
    HF_CO_TRY(const auto findings, co_await ontap::find_discrepancies(cluster, known));
    for (const ontap::Finding& finding : findings) {
      items.push_back(ontap::to_json(finding));
    }
  }
  co_return Json(JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}});
}

Co<Result<Json>> acknowledge_event(const Services& services, Caller caller, std::string id_or_name,
                                   std::string event) {
  const ServerContext* server = &services.server;
  HF_CO_TRY(const auto system, co_await open_system(&services, std::move(id_or_name)));
  HF_CO_TRY_VOID(co_await ontap::acknowledge_event(system, event, caller.principal.name));
  const std::string target = system->endpoint().name + "/" + event;
  HF_CO_TRY_VOID(co_await server->db.write([=](db::Connection& sql) -> Status {
    return note(sql, *server, caller, "system.event_acknowledged", target, Json());
  }));
  co_return Json(JsonObject{{"id", event}, {"state", "acknowledged"}});
}

Status load_systems(const ServerContext& server, const activities::DataContext& data) {
  HF_TRY(const auto rows,
         server.db.read_blocking([](db::Connection& sql) { return inventory::list_systems(sql); }));
  for (const inventory::StoredSystem& row : rows) {
    const auto endpoint = ontap::decode_endpoint(row.document, read_secret);
    const Status put = endpoint ? data.systems().put(*endpoint) : Status(endpoint.error());
    if (!put) {
      log_error("system.not_loaded", {{"system", row.name}, {"error", put.error().to_string()}});
    }
  }
  return {};
}

}  // namespace holdfast::protect

// Secrets given over the API go to DIR/keys/system-NAME.* before the row is written; a document may
// also name files of its own. The row and the driver's list of systems change one after the other:
// a crash between them is repaired by load_systems() at the next start.
#include "domain/protect/systems.h"

#include <fmt/core.h>

#include <filesystem>
#include <memory>
#include <set>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/env/posix/atomic_file.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/noted.h"
#include "domain/protect/repositories.h"
#include "domain/protect/system_access.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;

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
              Noted saved{.action = "system.saved", .target = row.id};
              saved.payload_hash = hash_of(row.document);
              HF_TRY_VOID(note(sql, *server, caller, saved));
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
              const Noted removed{.action = "system.removed", .target = system.id};
              HF_TRY_VOID(note(sql, *server, caller, removed));
              return system;
            }));
  all->data.systems().remove(gone.name);
  for (const std::string_view what : {"password", "client-secret"}) {
    std::error_code ignored;
    std::filesystem::remove(secret_file(*server, gone.name, what), ignored);
  }
  co_return gone;
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

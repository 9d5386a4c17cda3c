// Handlers of documents, resources, repositories, policies, channels and points.
#include <fmt/core.h>

#include "core/async/run.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/groups.h"
#include "domain/protect/notifications.h"
#include "domain/protect/policy_store.h"
#include "edge/api/handlers.h"
#include "edge/wire/routes.h"
#include "engine/backup/list.h"

namespace holdfast::api {
namespace {

std::map<std::string, std::string> text_map(const Json* value) {
  std::map<std::string, std::string> texts;
  if (value != nullptr && value->is_object()) {
    for (const auto& field : value->get_object()) {
      texts[field.key()] = get_string(*value, field.key());
    }
  }
  return texts;
}

Json plain_list(JsonArray items) {
  return JsonObject{{"items", std::move(items)}, {"next_cursor", nullptr}};
}

Result<Json> resource_row(db::Connection& sql, const protect::ServerContext& server,
                          const inventory::Resource& resource) {
  HF_TRY(const Protection protection, protection_of(sql, resource, server.timezone));
  return resource_view(resource, protection, server.clock.now());
}

// The points of the other members of the point's consistency group, from the same instant.
Result<Json> group_of_point(db::Connection& sql, const inventory::Point& point) {
  HF_TRY(const auto points, protect::points_of_group(sql, point));
  JsonArray others;
  for (const inventory::Point& other : points) {
    if (other.id != point.id) {
      others.push_back(JsonObject{{"resource", other.resource_name}, {"point", other.id.text()}});
    }
  }
  return Json(std::move(others));
}

// The protection of a point's resource; of one that is gone, the default policy's demands.
Result<Protection> protection_of_point(db::Connection& sql, const inventory::Point& point,
                                       const std::string& zone) {
  inventory::Resource resource;
  resource.id = point.resource;
  if (auto found = inventory::find_resource(sql, point.resource.text())) {
    resource = *std::move(found);
  }
  return protection_of(sql, resource, zone);
}

}  // namespace

Result<Protection> protection_of(db::Connection& sql, const inventory::Resource& resource,
                                 const std::string& zone) {
  Protection protection;
  HF_TRY(protection.policy, protect::policy_of(sql, resource, zone));
  HF_TRY(protection.proofs,
         inventory::newest_proofs(sql, resource.id, protection.policy.proof.level));
  inventory::PointQuery query;
  query.resource = resource.id;
  query.limit = 20;
  HF_TRY(const auto points, inventory::list_points(sql, query));
  for (const inventory::Point& point : points) {
    if (inventory::usable(point)) {
      protection.newest = point;
      break;
    }
  }
  return protection;
}

async::Co<Result<Json>> apply_document(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"document", "policy", "dry_run"}));
  const Json* document = find(call.body, "document");
  if (document == nullptr) {
    co_return to_error({{"/document", "is required"}});
  }
  protect::ApplyRequest request{*document, get_string(call.body, "policy"),
                                get_bool(call.body, "dry_run")};
  co_return co_await protect::apply_document(*call.services, call.caller, std::move(request));
}

async::Co<Result<Json>> list_schemas(Call) {
  JsonArray items;
  for (const auto& schema : wire::document_schemas()) {
    items.push_back(JsonObject{{"id", schema.key()}, {"kind", schema.key()}});
  }
  co_return plain_list(std::move(items));
}

async::Co<Result<Json>> get_schema(Call call) {
  const std::string kind = call.path_value("kind");
  const Json* schema = wire::document_schemas().if_contains(kind);
  if (schema == nullptr) {
    co_return Error(Code::kNotFound, fmt::format("there is no kind of document '{}'", kind));
  }
  JsonObject document = schema->get_object();
  document["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  co_return Json(std::move(document));
}

async::Co<Result<Json>> get_openapi(Call) { co_return wire::openapi(); }

async::Co<Result<Json>> list_resources(Call call) {
  const protect::ServerContext* server = &call.server();
  HF_CO_TRY(const int limit, call.limit());
  co_return co_await server->db.read([server, limit](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto resources, inventory::list_resources(sql));
    JsonArray items;
    for (const inventory::Resource& resource : resources) {
      HF_TRY(Json row, resource_row(sql, *server, resource));
      items.push_back(std::move(row));
    }
    return page(std::move(items), std::max<int>(limit, static_cast<int>(resources.size()) + 1));
  });
}

async::Co<Result<Json>> add_resource(Call call) {
  HF_CO_TRY_VOID(
      call.only_fields({"name", "path", "policy", "labels", "quiesce_command", "release_command",
                        "probe_command", "consistency_group", "agent", "driver"}));
  std::vector<Problem> problems;
  ObjectReader reader(call.body, "", problems);
  protect::NewResource wanted;
  wanted.name = reader.string("name");
  wanted.path = reader.string("path");
  wanted.policy = reader.string_or("policy", "");
  wanted.labels = text_map(reader.value("labels"));
  wanted.quiesce_command = reader.string_or("quiesce_command", "");
  wanted.release_command = reader.string_or("release_command", "");
  wanted.probe_command = reader.string_or("probe_command", "");
  wanted.consistency_group = reader.string_or("consistency_group", "");
  wanted.agent = reader.string_or("agent", "");
  wanted.driver = reader.string_or("driver", "");
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  const protect::ServerContext* server = &call.server();
  HF_CO_TRY(const inventory::Resource made,
            co_await protect::add_resource(*call.services, call.caller, wanted));
  co_return co_await server->db.read(
      [server, made](db::Connection& sql) { return resource_row(sql, *server, made); });
}

async::Co<Result<Json>> get_resource(Call call) {
  const protect::ServerContext* server = &call.server();
  co_return co_await server->db.read(
      [server, id = call.path_value("id")](db::Connection& sql) -> Result<Json> {
        HF_TRY(const inventory::Resource resource, inventory::find_resource(sql, id));
        return resource_row(sql, *server, resource);
      });
}

async::Co<Result<Json>> remove_resource(Call call) {
  HF_CO_TRY(const inventory::Resource gone,
            co_await protect::remove_resource(*call.services, call.caller, call.path_value("id")));
  co_return resource_view(gone, Protection(), call.server().clock.now());
}

async::Co<Result<Json>> list_repositories(Call call) {
  co_return co_await call.server().db.read([](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto rows, inventory::list_repositories(sql));
    JsonArray items;
    for (const inventory::Repository& row : rows) {
      HF_TRY(const inventory::Stored stored, inventory::stored_in(sql, row.name));
      items.push_back(repository_view(row, stored));
    }
    return plain_list(std::move(items));
  });
}

async::Co<Result<Json>> add_repository(Call call) {
  HF_CO_TRY_VOID(call.only_fields({"name", "location", "replica_of"}));
  std::vector<Problem> problems;
  ObjectReader reader(call.body, "", problems);
  protect::NewRepository wanted{reader.string("name"), reader.string("location"),
                                reader.string_or("replica_of", "")};
  if (!problems.empty()) {
    co_return to_error(problems);
  }
  HF_CO_TRY(const inventory::Repository made,
            co_await protect::add_repository(*call.services, call.caller, wanted));
  co_return repository_view(made, {});
}

async::Co<Result<Json>> get_repository(Call call) {
  co_return co_await call.server().db.read(
      [id = call.path_value("id")](db::Connection& sql) -> Result<Json> {
        HF_TRY(const inventory::Repository row, inventory::find_repository(sql, id));
        HF_TRY(const inventory::Stored stored, inventory::stored_in(sql, row.name));
        return repository_view(row, stored);
      });
}

async::Co<Result<Json>> repository_password(Call call) {
  const std::string id = call.path_value("id");
  HF_CO_TRY(const auto row, co_await call.server().db.read([id](db::Connection& sql) {
    return inventory::find_repository(sql, id);
  }));
  HF_CO_TRY(const SecretString password,
            co_await protect::repository_password(*call.services, call.caller, id));
  co_return Json(JsonObject{
      {"id", row.id.text()},
      {"location", row.location},
      {"password", password.expose()},
      {"hint", fmt::format("RESTIC_PASSWORD=... restic -r {} snapshots", row.location)}});
}

async::Co<Result<Json>> list_policies(Call call) {
  const protect::ServerContext* server = &call.server();
  co_return co_await server->db.read([server](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto policies, protect::list_policies(sql, server->timezone));
    HF_TRY(const auto resources, inventory::list_resources(sql));
    std::map<std::string, std::vector<std::string>> bound;
    for (const inventory::Resource& resource : resources) {
      HF_TRY(const protect::Policy policy, protect::policy_of(sql, resource, server->timezone));
      bound[policy.name].push_back(resource.name);
    }
    JsonArray items;
    for (const protect::Policy& policy : policies) {
      items.push_back(policy_view(policy, bound[policy.name]));
    }
    return plain_list(std::move(items));
  });
}

async::Co<Result<Json>> get_policy(Call call) {
  const protect::ServerContext* server = &call.server();
  co_return co_await server->db.read(
      [server, name = call.path_value("name")](db::Connection& sql) -> Result<Json> {
        HF_TRY(const protect::Policy policy, protect::find_policy(sql, name, server->timezone));
        HF_TRY(const auto resources, inventory::list_resources(sql));
        std::vector<std::string> bound;
        for (const inventory::Resource& resource : resources) {
          HF_TRY(const protect::Policy own, protect::policy_of(sql, resource, server->timezone));
          if (own.name == policy.name) {
            bound.push_back(resource.name);
          }
        }
        return policy_view(policy, bound);
      });
}

async::Co<Result<Json>> list_channels(Call call) {
  HF_CO_TRY(const auto rows, co_await call.server().db.read(
                                 [](db::Connection& sql) { return protect::list_channels(sql); }));
  JsonArray items;
  for (const protect::ChannelRow& row : rows) {
    items.push_back(channel_view(row));
  }
  co_return plain_list(std::move(items));
}

async::Co<Result<Json>> test_channel(Call call) {
  HF_CO_TRY(const notify::DeliveryRecord record,
            co_await protect::test_channel(call.server(), call.channels, call.path_value("name"),
                                           call.caller.principal.name));
  co_return Json(JsonObject{{"channel", record.channel},
                            {"delivered", record.delivered()},
                            {"detail", record.detail},
                            {"time", to_rfc3339(record.time)}});
}

async::Co<Result<Json>> list_points(Call call) {
  const protect::ServerContext* server = &call.server();
  HF_CO_TRY(const int limit, call.limit());
  const std::string resource = call.request->query_or("resource", "");
  const std::string cursor = call.request->query_or("cursor", "");
  co_return co_await server->db.read([=](db::Connection& sql) -> Result<Json> {
    inventory::PointQuery query;
    query.limit = limit;
    query.after_id = cursor;
    if (!resource.empty()) {
      HF_TRY(const inventory::Resource found, inventory::find_resource(sql, resource));
      query.resource = found.id;
    }
    HF_TRY(const auto points, inventory::list_points(sql, query));
    std::map<std::string, Protection> protections;
    JsonArray items;
    for (const inventory::Point& point : points) {
      if (!protections.contains(point.resource.text())) {
        HF_TRY(protections[point.resource.text()],
               protection_of_point(sql, point, server->timezone));
      }
      items.push_back(point_view(point, protections[point.resource.text()], server->clock.now()));
    }
    return page(std::move(items), limit);
  });
}

async::Co<Result<Json>> get_point(Call call) {
  const protect::ServerContext* server = &call.server();
  co_return co_await server->db.read(
      [server, id = call.path_value("id")](db::Connection& sql) -> Result<Json> {
        HF_TRY(const inventory::Point point, inventory::find_point(sql, id));
        HF_TRY(const Protection protection, protection_of_point(sql, point, server->timezone));
        Json view = point_view(point, protection, server->clock.now());
        HF_TRY(view.get_object()["group"], group_of_point(sql, point));
        return view;
      });
}

namespace {

struct FileListing {
  activities::RepositoryRef repository;
  std::string snapshot_id;
  std::string root;  // the live path that the snapshot holds
  std::string path;
};

Result<Json> list_files(const activities::DataContext& data, const FileListing& wanted) {
  HF_TRY(const repo::SnapshotId id, repo::SnapshotId::parse(wanted.snapshot_id));
  HF_TRY(const auto repository, data.open(wanted.repository));
  HF_TRY_VOID(repository->load_index());
  HF_TRY(const repo::Snapshot snapshot, repository->snapshot(id));
  std::string path = wanted.root + "/" + wanted.path;
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  HF_TRY(const auto nodes, backup::list_folder(*repository, snapshot, path));
  JsonArray items;
  for (const backup::ListedNode& node : nodes) {
    items.push_back(JsonObject{{"id", node.path},
                               {"path", node.path},
                               {"name", node.node.name},
                               {"type", repo::to_text(node.node.type)},
                               {"size", node.node.size},
                               {"mtime", to_rfc3339(node.node.mtime)}});
  }
  return plain_list(std::move(items));
}

}  // namespace

async::Co<Result<Json>> list_point_files(Call call) {
  const std::string path = call.request->query_or("path", "/");
  HF_CO_TRY(const FileListing wanted,
            co_await call.server().db.read([id = call.path_value("id"),
                                            path](db::Connection& sql) -> Result<FileListing> {
              HF_TRY(const inventory::Point point, inventory::find_point(sql, id));
              FileListing listing;
              listing.path = path;
              if (const auto resource = inventory::find_resource(sql, point.resource.text())) {
                listing.root = resource->path;
              }
              for (const inventory::Copy& copy : point.copies) {
                if (copy.state == "available" && copy.method == "restic") {
                  HF_TRY(const inventory::Repository repository,
                         inventory::find_repository(sql, copy.repository));
                  listing.repository = {repository.name, repository.location,
                                        repository.password_file};
                  listing.snapshot_id = copy.snapshot_id;
                  return listing;
                }
              }
              return Error(Code::kNotFound, "no copy of this point in a repository can be listed")
                  .with("point", id);
            }));
  const activities::DataContext* data = &call.services->data;
  co_return co_await async::run_on(call.services->data.blocking(),
                                   [data, wanted] { return list_files(*data, wanted); });
}

}  // namespace holdfast::api

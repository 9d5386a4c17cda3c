// A snapshot carries its point as tags: pt_..., res_..., resource=, driver=, time=, consistency=,
// timezone=, run=, label=NAME:RETENTION, manual, agent=. Snapshots without them (other programs
// made them) are left alone. Adopting twice changes nothing; rows that are there stay.
#include "domain/protect/rebuild.h"

#include <fmt/core.h>

#include <algorithm>

#include "domain/activities/data_types.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/backup_activities.h"
#include "domain/protect/groups.h"
#include "domain/protect/repositories.h"

namespace holdfast::protect {
namespace {

struct Tagged {
  inventory::Point point;
  inventory::Resource resource;
};

// The value of a tag NAME=VALUE, if the tag has this name.
std::optional<std::string> value_of(std::string_view tag, std::string_view name) {
  if (tag.size() > name.size() && tag.starts_with(name) && tag[name.size()] == '=') {
    return std::string(tag.substr(name.size() + 1));
  }
  return std::nullopt;
}

void read_tag(const std::string& tag, Tagged& found) {
  if (tag.starts_with("pt_")) {
    found.point.id = inventory::PointId(tag);
  } else if (tag.starts_with("res_")) {
    found.resource.id = inventory::ResourceId(tag);
  } else if (tag == "manual") {
    found.point.manual = true;
  } else if (const auto resource = value_of(tag, "resource")) {
    found.resource.name = *resource;
  } else if (const auto driver = value_of(tag, "driver")) {
    found.resource.driver = *driver;
  } else if (const auto agent = value_of(tag, "agent")) {
    found.resource.agent = *agent;
  } else if (const auto time = value_of(tag, "time")) {
    found.point.time = parse_rfc3339(*time).value_or(found.point.time);
  } else if (const auto consistency = value_of(tag, "consistency")) {
    found.point.consistency = *consistency;
  } else if (const auto zone = value_of(tag, "timezone")) {
    found.point.timezone = *zone;
  } else if (const auto run = value_of(tag, "run")) {
    found.point.run_id = *run;
  } else if (const auto label = value_of(tag, "label")) {
    const size_t colon = label->find(':');
    found.point.schedules.push_back(
        {label->substr(0, colon), colon == std::string::npos ? "" : label->substr(colon + 1)});
  }
}

std::optional<Tagged> from_snapshot(const Json& row, const inventory::Repository& repository) {
  Tagged found;
  found.point.time = parse_rfc3339(get_string(row, "time")).value_or(UtcTime());
  if (const Json* tags = find(row, "tags"); tags != nullptr && tags->is_array()) {
    for (const Json& tag : tags->get_array()) {
      read_tag(std::string(tag.get_string()), found);
    }
  }
  if (found.point.id.empty() || found.resource.id.empty() || found.resource.name.empty()) {
    return std::nullopt;
  }
  found.resource.path = get_string(row, "path");
  found.resource.created_at = found.point.time;
  found.point.resource = found.resource.id;
  found.point.resource_name = found.resource.name;
  found.point.files = static_cast<std::uint64_t>(get_int(row, "files"));
  found.point.bytes = static_cast<std::uint64_t>(get_int(row, "bytes"));
  inventory::Copy copy;
  const bool first = repository.replica_of.empty();
  copy.level = first && method_of(found.resource.driver, "local_snapshot", false) == "restic"
                   ? "local_snapshot"
                   : "local_replica";
  copy.method = "restic";
  copy.repository = repository.name;
  copy.location = repository.location;
  copy.snapshot_id = get_string(row, "id");
  copy.state = "available";
  copy.added_bytes = static_cast<std::uint64_t>(get_int(row, "added_bytes"));
  copy.id = inventory::CopyId(copy_id_of(found.point.id.text(), copy.level, copy.repository));
  found.point.copies.push_back(std::move(copy));
  return found;
}

// Writes the resource (unless its name or id is taken), the point and the copy; what was there
// counts nothing.
Status adopt(db::Connection& sql, const Tagged& found, std::int64_t& points, std::int64_t& copies) {
  if (!inventory::find_resource(sql, found.resource.id.text()) &&
      !inventory::find_resource(sql, found.resource.name)) {
    HF_TRY_VOID(inventory::put_resource(sql, found.resource));
  }
  const auto before = inventory::find_point(sql, found.point.id.text());
  if (!before) {
    ++points;
  }
  const bool had_copy = before && std::any_of(before->copies.begin(), before->copies.end(),
                                              [&](const inventory::Copy& copy) {
                                                return copy.id == found.point.copies.front().id;
                                              });
  copies += had_copy ? 0 : 1;
  return inventory::put_point(sql, found.point);
}

Result<Json> known_repositories(const ServerContext& context) {
  HF_TRY(const auto rows, context.db.read_blocking([](db::Connection& sql) {
    return inventory::list_repositories(sql);
  }));
  JsonArray list;
  for (const inventory::Repository& row : rows) {
    list.push_back(
        activities::encode(activities::RepositoryRef{row.name, row.location, row.password_file}));
  }
  return Json(JsonObject{{"repositories", std::move(list)}});
}

Result<Json> adopt_snapshots(const ServerContext& context, const Json& input) {
  return context.db.write_blocking([input](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto repository,
           inventory::find_repository(sql, get_string(*find(input, "repository"), "name")));
    std::int64_t points = 0;
    std::int64_t copies = 0;
    for (const Json& row : find(input, "snapshots")->get_array()) {
      if (const auto found = from_snapshot(row, repository)) {
        HF_TRY_VOID(adopt(sql, *found, points, copies));
      }
    }
    return Json(JsonObject{{"points", points}, {"copies", copies}});
  });
}

Result<Json> known_volumes(const ServerContext& context) {
  HF_TRY(const auto resources, context.db.read_blocking([](db::Connection& sql) {
    return inventory::list_resources(sql);
  }));
  JsonArray list;
  for (const inventory::Resource& resource : resources) {
    if (method_of(resource.driver, "local_snapshot", false) != "restic") {
      const activities::VolumeRef volume{resource.driver, resource.path, resource.agent};
      list.push_back(
          JsonObject{{"resource_id", resource.id.text()}, {"volume", activities::encode(volume)}});
    }
  }
  return Json(JsonObject{{"volumes", std::move(list)}});
}

// A storage snapshot is named by its point: a point that is known gets its copy back, another one
// is made from what the snapshot tells.
Tagged from_storage_snapshot(db::Connection& sql, const inventory::Resource& resource,
                             const Json& row) {
  Tagged found;
  found.resource = resource;
  const std::string name = get_string(row, "name");
  found.point.id = inventory::PointId(name);
  auto known = inventory::find_point(sql, name);
  if (known && known->resource != resource.id) {  // of another member of its group
    found.point.id = inventory::PointId(member_point_id(name, resource.id.text()));
    known = inventory::find_point(sql, found.point.id.text());
  }
  if (known) {
    found.point = *known;
  } else {
    found.point.resource = resource.id;
    found.point.resource_name = resource.name;
    found.point.time = parse_rfc3339(get_string(row, "time")).value_or(UtcTime());
    found.point.consistency = get_string(row, "consistency");
    found.point.timezone = "UTC";
  }
  inventory::Copy copy;
  copy.level = "local_snapshot";
  copy.method = method_of(resource.driver, "local_snapshot", false);
  copy.location = get_string(row, "path");
  copy.snapshot_id = name;
  copy.state = "available";
  copy.id = inventory::CopyId(copy_id_of(found.point.id.text(), copy.level, ""));
  found.point.copies = {copy};
  return found;
}

Result<Json> adopt_storage_snapshots(const ServerContext& context, const Json& input) {
  return context.db.write_blocking([input](db::Connection& sql) -> Result<Json> {
    HF_TRY(const auto resource, inventory::find_resource(sql, get_string(input, "resource_id")));
    std::int64_t points = 0;
    std::int64_t copies = 0;
    for (const Json& row : find(input, "snapshots")->get_array()) {
      HF_TRY_VOID(adopt(sql, from_storage_snapshot(sql, resource, row), points, copies));
    }
    return Json(JsonObject{{"points", points}, {"copies", copies}});
  });
}

}  // namespace

void register_rebuild_activities(flow::ActivityRegistry& registry, const ServerContext& context) {
  registry.add("protect.known_repositories", [&context](flow::ActivityContext&, const Json&) {
    return known_repositories(context);
  });
  registry.add("protect.adopt_snapshots", [&context](flow::ActivityContext&, const Json& input) {
    return adopt_snapshots(context, input);
  });
  registry.add("protect.known_volumes",
               [&context](flow::ActivityContext&, const Json&) { return known_volumes(context); });
  registry.add("protect.adopt_storage_snapshots",
               [&context](flow::ActivityContext&, const Json& input) {
                 return adopt_storage_snapshots(context, input);
               });
}

}  // namespace holdfast::protect

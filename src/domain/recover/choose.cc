#include "domain/recover/choose.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>

#include "domain/inventory/catalog.h"

namespace holdfast::recover {
namespace {

constexpr int kPage = 200;

// A resource by id or name, also one that is no longer protected but has points.
Result<inventory::Resource> resource_of_point(db::Connection& sql, const inventory::Point& point) {
  auto found = inventory::find_resource(sql, point.resource.text());
  if (found) {
    return found;
  }
  inventory::Resource removed;
  removed.id = point.resource;
  removed.name = point.resource_name;
  return removed;
}

// The newest usable point of a resource at or before a time.
Result<std::optional<inventory::Point>> newest_usable(db::Connection& sql,
                                                      const inventory::ResourceId& resource,
                                                      std::optional<UtcTime> at_or_before) {
  inventory::PointQuery query;
  query.resource = resource;
  query.at_or_before = at_or_before;
  query.limit = kPage;
  while (true) {
    HF_TRY(const auto points, inventory::list_points(sql, query));
    for (const inventory::Point& point : points) {
      if (inventory::usable(point)) {
        return std::optional(point);
      }
    }
    if (points.size() < kPage) {
      return std::optional<inventory::Point>();
    }
    query.after_id = points.back().id.text();
  }
}

Result<std::optional<UtcTime>> parse_time(const std::optional<std::string>& text) {
  if (!text || text->empty()) {
    return std::optional<UtcTime>();
  }
  auto time = parse_rfc3339(*text, /*assume_utc=*/true);
  if (!time) {
    return std::move(time).error().with("field", "recovery_point");
  }
  return std::optional(*time);
}

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& directory) {
  const auto relative = path.lexically_normal().lexically_relative(directory.lexically_normal());
  return !relative.empty() && *relative.begin() != "..";
}

bool has_parent_steps(const std::filesystem::path& path) {
  return std::find(path.begin(), path.end(), "..") != path.end();
}

}  // namespace

Result<ChosenPoint> choose_point(db::Connection& sql, const std::string& source,
                                 const std::optional<std::string>& time) {
  HF_TRY(const std::optional<UtcTime> wanted, parse_time(time));
  if (source.starts_with("pt_")) {
    HF_TRY(inventory::Point point, inventory::find_point(sql, source));
    HF_TRY(inventory::Resource resource, resource_of_point(sql, point));
    if (wanted) {
      HF_TRY(const auto newest, newest_usable(sql, point.resource, wanted));
      if (!newest || newest->id != point.id) {
        return Error(Code::kInvalidArgument,
                     fmt::format("recovery_point {} contradicts source_backup {}, whose time is {}",
                                 *time, source, to_rfc3339(point.time)));
      }
    }
    if (!inventory::usable(point)) {
      return Error(Code::kNotFound,
                   fmt::format("no copy of recovery point {} can be read", source));
    }
    return ChosenPoint{std::move(point), std::move(resource), "the point that was asked for"};
  }
  HF_TRY(inventory::Resource resource, inventory::find_resource(sql, source));
  HF_TRY(auto newest, newest_usable(sql, resource.id, wanted));
  if (!newest) {
    return Error(Code::kNotFound,
                 wanted ? fmt::format("resource '{}' has no usable recovery point at or before {}",
                                      resource.name, to_rfc3339(*wanted))
                        : fmt::format("resource '{}' has no usable recovery point", resource.name));
  }
  const std::string why = wanted ? "the newest usable point at or before " + to_rfc3339(*wanted)
                                 : "the newest usable point";
  return ChosenPoint{*std::move(newest), std::move(resource), why};
}

namespace {

// What is read first when nobody says: repositories, then snapshots in place, then what must be
// brought back from another system.
int rank_of(const std::string& method, bool snapshots_first) {
  return method == "restic"              ? 0
         : method.ends_with("_snapshot") ? (snapshots_first ? -1 : 1)
         : method == "snapmirror"        ? 2
                                         : 3;
}

}  // namespace

Result<inventory::Copy> choose_copy(const inventory::Point& point, const std::string& wanted,
                                    bool snapshots_first) {
  const inventory::Copy* best = nullptr;
  for (const inventory::Copy& copy : point.copies) {
    const bool asked = wanted.empty() || copy.id.text() == wanted || copy.level == wanted ||
                       copy.repository == wanted || copy.location == wanted;
    const bool better = best == nullptr || rank_of(copy.method, snapshots_first) <
                                               rank_of(best->method, snapshots_first);
    if (copy.state == "available" && asked && better) {
      best = &copy;
    }
  }
  if (best == nullptr) {
    return Error(
        Code::kNotFound,
        wanted.empty()
            ? fmt::format("no copy of recovery point {} can be read", point.id.text())
            : fmt::format("recovery point {} has no readable copy '{}'", point.id.text(), wanted));
  }
  return *best;
}

Result<Target> resolve_target(db::Connection& sql, const inventory::Resource& source,
                              const std::string& text, const std::string& data_dir) {
  Target target;
  target.agent = source.agent;
  const size_t colon = text.find(':');
  if (text == "in-place") {
    if (source.path.empty()) {
      return Error(
          Code::kFailedPrecondition,
          fmt::format("resource '{}' is no longer protected, so there is no place to restore to: "
                      "give a path",
                      source.name));
    }
    return Target{source.path, true, source.agent};
  }
  if (text.starts_with('/')) {
    target.path = text;
  } else if (colon != std::string::npos && colon > 0) {
    HF_TRY(const inventory::Resource other, inventory::find_resource(sql, text.substr(0, colon)));
    target.agent = other.agent;
    target.path = (std::filesystem::path(other.path) /
                   std::filesystem::path(text.substr(colon + 1)).relative_path())
                      .string();
  } else {
    return Error(
        Code::kInvalidArgument,
        fmt::format("target_location '{}' is none of in-place, an absolute path, resource:path",
                    text));
  }
  if (has_parent_steps(target.path) || is_inside(target.path, data_dir)) {
    return Error(
        Code::kInvalidArgument,
        fmt::format("target_location '{}' must not contain '..' nor lie in the server's own data",
                    text));
  }
  target.path = std::filesystem::path(target.path).lexically_normal().string();
  target.in_place =
      !source.path.empty() && target.path == source.path && target.agent == source.agent;
  return target;
}

Result<std::vector<std::string>> relative_paths(const inventory::Resource& resource,
                                                const std::vector<std::string>& paths) {
  std::vector<std::string> relative;
  for (const std::string& text : paths) {
    const std::filesystem::path path(text);
    if (has_parent_steps(path) || text.empty()) {
      return Error(Code::kInvalidArgument,
                   fmt::format("path '{}' must not be empty or contain '..'", text));
    }
    if (path.is_absolute() && !is_inside(path, resource.path)) {
      return Error(Code::kInvalidArgument,
                   fmt::format("path '{}' does not lie in resource '{}' ({})", text, resource.name,
                               resource.path));
    }
    relative.push_back(path.is_absolute() ? path.lexically_relative(resource.path).string()
                                          : path.lexically_normal().string());
  }
  return relative;
}

Result<activities::RestoreRequest> read_request(db::Connection& sql,
                                                const inventory::Resource& resource,
                                                const inventory::Point& point,
                                                const inventory::Copy& copy) {
  activities::RestoreRequest request;
  request.source_path = resource.path;
  request.snapshot_id = copy.snapshot_id;
  if (copy.method.starts_with("snapmirror")) {
    request.mirror = copy.location;
    request.volume = {resource.driver, resource.path, resource.agent};
    return request;
  }
  if (copy.method != "restic") {
    request.snapshot_path = copy.location;
    request.point_time = point.time;
    request.volume = {resource.driver, resource.path, resource.agent};
    return request;
  }
  HF_TRY(const inventory::Repository repository, inventory::find_repository(sql, copy.repository));
  request.repository = {repository.name, repository.location, repository.password_file};
  return request;
}

}  // namespace holdfast::recover

#include "domain/protect/retention.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <set>

#include "domain/activities/plan_types.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/groups.h"

namespace holdfast::protect {
namespace {

constexpr int kPage = 500;
// Points that one run lets go: their ids stay below the payload limit, the rest go with the next
// run.
constexpr size_t kMaxGoing = 150;

Result<std::vector<inventory::Point>> points_with_copies(db::Connection& sql,
                                                         const inventory::ResourceId& resource) {
  std::vector<inventory::Point> kept;
  inventory::PointQuery query;
  query.resource = resource;
  query.limit = kPage;
  while (true) {
    HF_TRY(auto page, inventory::list_points(sql, query));
    const bool last = page.size() < kPage;
    query.after_id = page.empty() ? "" : page.back().id.text();
    for (inventory::Point& point : page) {
      if (inventory::usable(point)) {
        kept.push_back(std::move(point));
      }
    }
    if (last) {
      return kept;
    }
  }
}

std::vector<schedule::KeptPoint> to_kept(const std::vector<inventory::Point>& points,
                                         const schedule::Zone& utc) {
  std::vector<schedule::KeptPoint> kept;
  std::map<std::string, schedule::Zone> zones;
  bool proven_seen = false;
  for (const inventory::Point& point : points) {  // newest first
    if (!zones.contains(point.timezone)) {
      zones.emplace(point.timezone, schedule::find_zone(point.timezone).value_or(utc));
    }
    schedule::KeptPoint item{point.id.text(), point.time, {},
                             point.manual,    false,      zones.at(point.timezone)};
    for (const inventory::ScheduleLabel& label : point.schedules) {
      item.retentions.push_back(label.retention);
    }
    item.last_proven =
        !proven_seen && inventory::best_proof(point).level >= inventory::ProofLevel::kL2;
    proven_seen = proven_seen || item.last_proven;
    kept.push_back(std::move(item));
  }
  return kept;
}

// Points with copies that can be deleted go first, so that those whose last copy only a policy of
// the storage system lets go never stand in their way; of these, the oldest.
void limit_going(const std::vector<inventory::Point>& points, std::set<std::string>& going) {
  std::set<std::string> chosen;
  const auto choose = [&](const inventory::Point& point, bool deletable) {
    const bool has =
        std::any_of(point.copies.begin(), point.copies.end(), [](const inventory::Copy& copy) {
          return copy.state == "available" && copy.method != "snapmirror_cloud";
        });
    if (has == deletable && chosen.size() < kMaxGoing && going.contains(point.id.text())) {
      chosen.insert(point.id.text());
    }
  };
  std::for_each(points.begin(), points.end(), [&](const auto& point) { choose(point, true); });
  std::for_each(points.rbegin(), points.rend(), [&](const auto& point) { choose(point, false); });
  going = std::move(chosen);
}

bool is_storage_snapshot(const inventory::Copy& copy) {
  return copy.method.ends_with("_snapshot") && copy.state == "available";
}

// One snapshot holds a point of each member of a group, and goes as a whole: none of them goes
// while one is kept. Removed resources keep nothing.
Status keep_groups_whole(db::Connection& sql, const std::vector<inventory::Point>& points,
                         UtcTime now, std::set<std::string>& going) {
  std::map<std::string, std::set<std::string>> kept;  // points, by resource
  for (const inventory::Point& point : points) {
    if (!going.contains(point.id.text()) ||
        std::none_of(point.copies.begin(), point.copies.end(), is_storage_snapshot)) {
      continue;
    }
    HF_TRY(const auto group, points_of_group(sql, point));
    for (const inventory::Point& other : group) {
      if (other.resource == point.resource ||
          !inventory::find_resource(sql, other.resource.text())) {
        continue;
      }
      const auto [known, first] = kept.try_emplace(other.resource.text());
      if (first) {
        HF_TRY(const auto decisions, decide_retention(sql, other.resource, now));
        for (const schedule::Decision& decision : decisions) {
          if (decision.keep) {
            known->second.insert(decision.id);
          }
        }
      }
      if (known->second.contains(other.id.text())) {
        going.erase(point.id.text());
      }
    }
  }
  return {};
}

// The copies of the other members that the same snapshot holds.
Status add_group_copies(db::Connection& sql, const inventory::Point& point,
                        const inventory::Copy& gone, JsonArray& copies, JsonArray& names) {
  HF_TRY(const auto group, points_of_group(sql, point));
  for (const inventory::Point& other : group) {
    for (const inventory::Copy& copy : other.copies) {
      if (other.id != point.id && is_storage_snapshot(copy) &&
          copy.snapshot_id == gone.snapshot_id) {
        copies.push_back(Json(copy.id.text()));
        names.push_back(Json(gone.snapshot_id));
      }
    }
  }
  return {};
}

// One removal for each repository (forget and prune) or volume (delete snapshots).
Result<JsonArray> batches_of(db::Connection& sql, const inventory::Resource& resource,
                             const std::vector<inventory::Point>& points,
                             const std::set<std::string>& going) {
  struct Batch {
    JsonObject input;
    JsonArray copies;
    JsonArray names;  // of their snapshots, in the same order
    JsonArray newer;  // how many newer copies there are at the place
  };
  std::map<std::string, std::int64_t> seen;  // copies at a place so far: points are newest first
  std::map<std::string, Batch> by_place;
  for (const inventory::Point& point : points) {
    for (const inventory::Copy& copy : point.copies) {
      if (copy.state != "available") {
        continue;
      }
      const std::int64_t newer = seen[copy.location]++;
      if (!going.contains(point.id.text())) {
        continue;
      }
      const bool mirrored = copy.method.starts_with("snapmirror");
      Batch& batch = by_place[mirrored ? "at " + copy.location : copy.repository];
      batch.copies.push_back(Json(copy.id.text()));
      batch.names.push_back(Json(copy.snapshot_id));
      batch.newer.push_back(Json(newer));
      if (is_storage_snapshot(copy)) {
        HF_TRY_VOID(add_group_copies(sql, point, copy, batch.copies, batch.names));
      }
      if (batch.input.empty() && copy.method == "restic") {
        HF_TRY(const inventory::Repository repository,
               inventory::find_repository(sql, copy.repository));
        const activities::RepositoryRef reference{repository.name, repository.location,
                                                  repository.password_file};
        batch.input = {{"activity", "engine.forget"},
                       {"repository", activities::encode(reference)}};
      } else if (batch.input.empty()) {
        const activities::VolumeRef volume{resource.driver, resource.path, resource.agent};
        batch.input = {
            {"activity", mirrored ? "storage.delete_copies" : "storage.delete_snapshots"},
            {"volume", activities::encode(volume)}};
        if (mirrored) {  // in an object store, the relationship's policy decides
          batch.input["mirror"] = copy.location;
        }
      }
    }
  }
  JsonArray batches;
  for (auto& [place, batch] : by_place) {
    const bool engine = batch.input["activity"] == "engine.forget";
    batch.input[engine ? "snapshot_ids" : "names"] = std::move(batch.names);
    batch.input["copies"] = std::move(batch.copies);
    if (get_string(batch.input, "mirror").ends_with(":/objstore")) {
      batch.input["newer"] = std::move(batch.newer);
    }
    batches.push_back(std::move(batch.input));
  }
  return batches;
}

}  // namespace

Result<std::vector<schedule::Decision>> decide_retention(db::Connection& sql,
                                                         const inventory::ResourceId& resource,
                                                         UtcTime now) {
  HF_TRY(const auto points, points_with_copies(sql, resource));
  HF_TRY(const schedule::Zone utc, schedule::find_zone("UTC"));
  return schedule::plan_retention(to_kept(points, utc), now);
}

Result<Json> plan_resource_retention(const ServerContext& context, const Json& input) {
  const UtcTime now = context.clock.now();
  const std::string resource_id = get_string(input, "resource_id");
  return context.db.read_blocking([resource_id, now](db::Connection& sql) -> Result<Json> {
    HF_TRY(const inventory::Resource resource, inventory::find_resource(sql, resource_id));
    HF_TRY(const auto points, points_with_copies(sql, resource.id));
    HF_TRY(const schedule::Zone utc, schedule::find_zone("UTC"));
    std::set<std::string> going;
    for (const schedule::Decision& decision : schedule::plan_retention(to_kept(points, utc), now)) {
      if (!decision.keep) {
        going.insert(decision.id);
      }
    }
    limit_going(points, going);
    HF_TRY_VOID(keep_groups_whole(sql, points, now, going));
    HF_TRY(JsonArray batches, batches_of(sql, resource, points, going));
    return Json(JsonObject{{"detail", fmt::format("{} of {} points kept",
                                                  points.size() - going.size(), points.size())},
                           {"batches", std::move(batches)}});
  });
}

}  // namespace holdfast::protect

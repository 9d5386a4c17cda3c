// Which point and which copy a recovery or a proof uses, and where it goes. Reads the catalog only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/json.h"
#include "core/db/database.h"
#include "domain/activities/data_types.h"
#include "domain/inventory/model.h"

namespace holdfast::recover {

struct ChosenPoint {
  inventory::Point point;
  inventory::Resource resource;
  std::string why;  // one sentence
};

// `source` is a point's id, or a resource's id or name. `time` empty: the newest usable point (of
// the resource) or exactly the named one; else the newest usable point at or before it. kNotFound:
// nothing fits; kInvalidArgument: `time` is no time, or contradicts the point that `source` names.
Result<ChosenPoint> choose_point(db::Connection& sql, const std::string& source,
                                 const std::optional<std::string>& time);

// The copy to read: the one of `wanted` (a copy id, level, repository name or place; empty: any),
// engine copies before storage snapshots, in the policy's order of levels; storage snapshots first
// where their system brings them back by itself. kNotFound when none is available.
Result<inventory::Copy> choose_copy(const inventory::Point& point, const std::string& wanted,
                                    bool snapshots_first = false);

struct Target {
  std::string path;
  bool in_place = false;
  std::string agent;  // on whose host the path is; empty: the server's own
};
// An absolute path is one on the host of `source`. `text` is "in-place", an absolute path, or
// "resource:path". kInvalidArgument for anything else, for a path inside the server's own data, and
// for "..".
Result<Target> resolve_target(db::Connection& sql, const inventory::Resource& source,
                              const std::string& text, const std::string& data_dir);

// The paths to restore, relative to the resource: absolute ones must lie in it.
Result<std::vector<std::string>> relative_paths(const inventory::Resource& resource,
                                                const std::vector<std::string>& paths);

// What the data activities need to read this copy of `point`.
Result<activities::RestoreRequest> read_request(db::Connection& sql,
                                                const inventory::Resource& resource,
                                                const inventory::Point& point,
                                                const inventory::Copy& copy);

}  // namespace holdfast::recover

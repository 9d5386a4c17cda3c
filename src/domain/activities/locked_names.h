// Snapshots that cannot be deleted yet, because they are locked: what a removal keeps, and why.
#pragma once

#include <string>

#include <fmt/core.h>

#include "core/base/json.h"
#include "drivers/storage/driver.h"

namespace holdfast::activities {

class LockedNames {
 public:
  explicit LockedNames(UtcTime now) : now_(now) {}

  // Whether the snapshot is locked now; then it is one of those that stay.
  bool holds(const storage::Snapshot& snapshot) {
    if (!snapshot.locked_until || *snapshot.locked_until <= now_) {
      return false;
    }
    names_.push_back(Json(snapshot.name));
    until_ = std::max(until_, *snapshot.locked_until);
    return true;
  }
  // {kept, detail}: the detail is empty where nothing is kept.
  Json answer(const std::string& where) const {
    return JsonObject{
        {"kept", names_},
        {"detail", names_.empty()
                       ? ""
                       : fmt::format("{} copies {} are locked, the last until {}, and stay",
                                     names_.size(), where, to_rfc3339(until_))}};
  }

 private:
  const UtcTime now_;
  JsonArray names_;
  UtcTime until_{};
};

}  // namespace holdfast::activities

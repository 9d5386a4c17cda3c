#include "drivers/storage/registry.h"

#include <array>

#include "drivers/storage/btrfs/btrfs_driver.h"
#include "drivers/storage/directory/directory_driver.h"

namespace holdfast::storage {
namespace {

struct Row {
  std::string_view kind;
  std::unique_ptr<Driver> (*make)(async::Pool& pool);
};

constexpr std::array kDrivers{Row{"btrfs", &make_btrfs_driver},
                              Row{"directory", &make_directory_driver}};

}  // namespace

std::vector<std::string> driver_kinds() {
  std::vector<std::string> kinds;
  for (const Row& row : kDrivers) {
    kinds.emplace_back(row.kind);
  }
  return kinds;
}

Result<std::unique_ptr<Driver>> make_driver(std::string_view kind, async::Pool& pool) {
  std::string known;
  for (const Row& row : kDrivers) {
    if (row.kind == kind) {
      return row.make(pool);
    }
    known += (known.empty() ? "" : ", ") + std::string(row.kind);
  }
  return Error(Code::kInvalidArgument, "there is no storage driver of this kind")
      .with("kind", std::string(kind))
      .with("known", known);
}

std::string suitable_kind(const std::string& path) {
  return is_on_btrfs(path) ? "btrfs" : "directory";
}

}  // namespace holdfast::storage

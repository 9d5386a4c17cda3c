// Storage drivers by kind.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "drivers/storage/driver.h"

namespace holdfast::storage {

// The kinds that make_driver knows, in alphabetical order.
std::vector<std::string> driver_kinds();

// kInvalidArgument, naming the kinds there are, for any other. `pool` runs the driver's blocking
// calls and must outlive it.
Result<std::unique_ptr<Driver>> make_driver(std::string_view kind, async::Pool& pool);

// The kind that protects this path best: "btrfs" where it lies in a btrfs subvolume, else
// "directory". Blocks for a few system calls; a path that cannot be read is a directory's.
std::string suitable_kind(const std::string& path);

}  // namespace holdfast::storage

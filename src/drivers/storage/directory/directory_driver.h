// A plain directory tree: no snapshots, so what is read from it belongs to no single instant.
#pragma once

#include <memory>

#include "drivers/storage/driver.h"

namespace holdfast::storage {

std::unique_ptr<Driver> make_directory_driver(async::Pool& pool);

}  // namespace holdfast::storage

// The storage port on ONTAP volumes that are mounted here.
#pragma once

#include <memory>

#include "core/async/pool.h"
#include "drivers/storage/driver.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage {

// `systems` and `pool` outlive the driver.
std::unique_ptr<Driver> make_ontap_driver(ontap::Systems& systems, async::Pool& pool);

}  // namespace holdfast::storage

// SnapMirror behind the replication port.
#pragma once

#include <memory>

#include "drivers/storage/ontap/systems.h"
#include "drivers/storage/replication.h"

namespace holdfast::storage::ontap {

// `systems` outlives it.
std::unique_ptr<Replication> make_replication(Systems& systems);

}  // namespace holdfast::storage::ontap

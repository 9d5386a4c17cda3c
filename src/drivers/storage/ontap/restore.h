// SnapRestore, file clones and restores from secondary behind the restore port.
#pragma once

#include <memory>

#include "core/async/pool.h"
#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/systems.h"

namespace holdfast::storage::ontap {

// `systems` and `pool` outlive it.
std::unique_ptr<NativeRestore> make_native_restore(Systems& systems, async::Pool& pool);

}  // namespace holdfast::storage::ontap

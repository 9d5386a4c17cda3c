// Recovery from a copy that is a directory (a storage snapshot): by the system's own cp, which
// keeps everything and shares blocks where the filesystem can.
#pragma once

#include <stop_token>

#include "core/base/json.h"
#include "domain/activities/data_types.h"

namespace holdfast::activities {

// Answers a RestorePlan; what is in the target and equal counts as nothing. Bytes are read, unless
// the target is what the snapshot was taken of and a file is untouched since (untouched.h).
Result<Json> plan_directory_copy(const RestoreRequest& request);
// Answers a RestoreDone.
Result<Json> copy_directory(const RestoreRequest& request, std::stop_token stop);
// Answers a Verdict: bytes and metadata of what was copied against the snapshot, everything read.
Result<Json> compare_directory_copy(const RestoreRequest& request, std::stop_token stop);

}  // namespace holdfast::activities

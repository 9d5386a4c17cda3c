// What ONTAP and Unified Manager refuse, as our errors.
//
// One table (errors.cc) maps their codes to our code and retry class; a code without a row is
// judged by the HTTP status. The number stays in the error as context `ontap_code`.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/json.h"

namespace holdfast::storage::ontap {

// The error of an answer with a status from 400 on; `body` as ONTAP and Unified Manager send it:
// {"error": {"message", "code", "target"}}. `what` begins the sentence: "create the snapshot".
Error answer_error(int status, const Json& body, std::string_view what);
// The error of a job that ended badly (a job resource, which itself came with status 200).
Error job_error(const Json& job, std::string_view what);

// ONTAP's code in an error, 0 when it has none.
std::int64_t ontap_code(const Error& error);

}  // namespace holdfast::storage::ontap

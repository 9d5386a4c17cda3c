// Names and contents of the markers that this program writes into histories.
#pragma once

#include <string>
#include <string_view>

#include "flow/event.h"

namespace holdfast::flow::detail {

inline constexpr std::string_view kSideEffectMarker = "side_effect";
inline constexpr std::string_view kPatchMarker = "patch";

// The id among the details of MarkerRecorded attributes; "" when there is none.
std::string marker_id(const JsonObject& attributes);
// A marker that code need not ask for any more.
bool is_deprecated_patch(const Event& event);

}  // namespace holdfast::flow::detail

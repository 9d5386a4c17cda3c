// Text as Go prints it: names in trees are quoted like strconv.Quote, JSON strings are escaped like
// encoding/json. Tree ids depend on every byte of it.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace holdfast::repo {

// The bytes of a name, quoted without the outer quotes: non-printable characters and bytes that are
// not UTF-8 become \xNN, \uNNNN, \UNNNNNNNN.
std::string go_quote(std::string_view bytes);
// The inverse, for the whole grammar of Go's strings; kDataLoss when the text breaks it.
Result<std::string> go_unquote(std::string_view text);

// Appends a JSON string with its quotes; bytes that are not UTF-8 become \ufffd.
void append_json_string(std::string& out, std::string_view text);
std::string json_string(std::string_view text);

bool is_utf8(std::string_view text);

}  // namespace holdfast::repo

// What a call of the API fails with: HTTP status, ONTAP's own code, a sentence, the field it is
// about. `Outcome<T>` is the Result of this program: a value or such a fault.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/json.h"
#include "core/base/result.h"

namespace holdfast::ontap_sim {

struct Fault {
  int status = 500;
  std::int64_t code = 0;
  std::string message;
  std::string target;  // a field, or empty

  Fault(int http, std::int64_t number, std::string sentence, std::string field = {})
      : status(http), code(number), message(std::move(sentence)), target(std::move(field)) {}
  // A failure of this machine (files, database) as the API tells it.
  Fault(const Error& error)  // NOLINT: an error is a fault
      : status(500),
        code(error.code() == Code::kResourceExhausted ? 1245212 : 65541),
        message(error.to_string()) {}

  // {"error":{"message","code","target"}}; the code is text there.
  JsonObject to_json() const {
    JsonObject inner{{"message", message}, {"code", std::to_string(code)}};
    if (!target.empty()) {
      inner["target"] = target;
    }
    return {{"error", std::move(inner)}};
  }
};

template <class T>
class [[nodiscard]] Outcome : public std::expected<T, Fault> {
 public:
  using std::expected<T, Fault>::expected;
  Outcome(Fault fault) : std::expected<T, Fault>(std::unexpected(std::move(fault))) {}     // NOLINT
  Outcome(const Error& error) : std::expected<T, Fault>(std::unexpected(Fault(error))) {}  // NOLINT
};

using Done = Outcome<void>;

inline Fault not_found(std::string target = {}) {
  return {404, 4, "entry doesn't exist", std::move(target)};
}
inline Fault bad(std::int64_t code, std::string message, std::string target = {}) {
  return {400, code, std::move(message), std::move(target)};
}
inline Fault conflict(std::int64_t code, std::string message, std::string target = {}) {
  return {409, code, std::move(message), std::move(target)};
}

}  // namespace holdfast::ontap_sim

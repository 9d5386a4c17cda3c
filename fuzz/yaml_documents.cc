// Documents as people write them: YAML to JSON to a policy. Whatever parses prints and parses
// again.
#include <cstdint>
#include <string_view>

#include "core/base/check.h"
#include "core/base/yaml.h"
#include "domain/protect/policy.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto documents = holdfast::parse_yaml({reinterpret_cast<const char*>(data), size});
  if (!documents) {
    HF_CHECK(!documents.error().message().empty(), "a refusal says why");
    return 0;
  }
  for (const holdfast::YamlDocument& document : *documents) {
    HF_CHECK(holdfast::parse_json(holdfast::to_text(document.value), 64u << 20).has_value(),
             "what was read can be written");
    const auto policy = holdfast::protect::decode_policy(document.value, "UTC");
    HF_CHECK(policy || !policy.error().message().empty(), "a refusal says why");
  }
  return 0;
}

// A Temporal server's bytes: an event of a history and a failure, from the wire to what flow stores
// and back.
#include <cstdint>
#include <string>

#include "core/base/check.h"
#include "core/base/json.h"

#if HOLDFAST_WITH_TEMPORAL
#include "flow/temporal/convert.h"
#include "flow/temporal/proto/history.pb.h"

namespace {

template <class M>
void there_and_back(const std::string& bytes) {
  M message;
  if (!message.ParseFromString(bytes)) {
    return;
  }
  const holdfast::Json stored = holdfast::flow::temporal::to_json(message);
  M again;
  if (holdfast::flow::temporal::from_json(stored, again)) {
    const holdfast::Json once = holdfast::flow::temporal::to_json(again);
    M third;
    HF_CHECK(holdfast::flow::temporal::from_json(once, third), "what came back goes again");
  }
}

}  // namespace
#endif

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
#if HOLDFAST_WITH_TEMPORAL
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  there_and_back<temporal::api::history::v1::HistoryEvent>(bytes);
  there_and_back<temporal::api::failure::v1::Failure>(bytes);
#else
  static_cast<void>(data);
  static_cast<void>(size);
#endif
  return 0;
}

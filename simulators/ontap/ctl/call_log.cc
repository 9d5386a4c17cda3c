#include "simulators/ontap/ctl/call_log.h"

#include "simulators/ontap/rest/json_path.h"

namespace holdfast::ontap_sim {

void CallLog::add(CallEntry entry) {
  constexpr size_t kKept = 50'000;
  const std::lock_guard hold(mutex_);
  JsonObject line{{"n", next_++},           {"time", entry.time},       {"cluster", entry.cluster},
                  {"route", entry.route},   {"method", entry.method},   {"path", entry.path},
                  {"status", entry.status}, {"ms", entry.milliseconds}, {"client", entry.client}};
  if (!entry.code.empty()) {
    line["code"] = entry.code;
  }
  if (!entry.fault.empty()) {
    line["fault"] = entry.fault;
  }
  if (!entry.request.empty()) {
    line["request"] = entry.request;
  }
  if (!entry.trace.empty()) {
    line["trace"] = entry.trace;
  }
  file_ << to_text(Json(line)) << "\n";
  file_.flush();
  last_.push_back(std::move(line));
  if (last_.size() > kKept) {
    last_.pop_front();
  }
}

std::vector<JsonObject> CallLog::since(std::int64_t number) const {
  const std::lock_guard hold(mutex_);
  std::vector<JsonObject> out;
  for (const JsonObject& line : last_) {
    if (int_at(line, "n") > number) {
      out.push_back(line);
    }
  }
  return out;
}

std::int64_t CallLog::count() const {
  const std::lock_guard hold(mutex_);
  return next_ - 1;
}

}  // namespace holdfast::ontap_sim

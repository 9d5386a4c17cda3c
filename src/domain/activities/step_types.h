// The list of steps of a run as people see it; pure, so that workflow code may keep one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "domain/activities/plan_types.h"

namespace holdfast::activities {

// Steps are announced up front (pending) and then each ends once. A step that failed keeps the
// error's sentence. Times come from the caller: workflow code passes the run's own time.
class StepLog {
 public:
  void announce(std::string_view phase, std::string_view name);
  void begin(std::string_view name, UtcTime now);
  void done(std::string_view name, std::string detail, UtcTime now);
  void failed(std::string_view name, const Error& error, UtcTime now);
  void skipped(std::string_view name);
  void not_applicable(std::string_view name, std::string why);

  const std::vector<Step>& steps() const { return steps_; }
  Json to_json() const;
  // What runs now: the name of the running step, or of the last one that ended.
  std::string current() const;

 private:
  Step& find(std::string_view name);
  void end(std::string_view name, std::string_view status, std::string detail, UtcTime now);

  std::vector<Step> steps_;
};

}  // namespace holdfast::activities

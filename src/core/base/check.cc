#include "core/base/check.h"

#include <cstdio>
#include <cstdlib>
#include <string>

#include "core/base/log.h"
#include "core/base/metrics.h"

namespace holdfast {

void check_failed(std::string_view condition, std::string_view why, const char* file, int line) {
  const std::string text = "holdfast: invariant broken at " + std::string(file) + ":" +
                           std::to_string(line) + ": " + std::string(condition) + " (" +
                           std::string(why) + ")\n";
  std::fputs(text.c_str(), stderr);
  std::abort();
}

void report_bug(std::string_view what, const char* file, int line) {
  static Counter& bugs = counter("holdfast_bugs_total", "Defects that were survived");
  bugs.add();
  log_error("bug", {{"what", what}, {"file", file}, {"line", line}});
}

}  // namespace holdfast

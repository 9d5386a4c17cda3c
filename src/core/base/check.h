// Failures that are defects of Holdfast, never of its input.
//
// HF_CHECK: an invariant that must hold for any data to be safe; prints and aborts, in every build.
// HF_BUG: should not happen, but the program can go on; logged and counted (metric
// holdfast_bugs_total). Neither is ever used on input.
#pragma once

#include <string_view>

namespace holdfast {

[[noreturn]] void check_failed(std::string_view condition, std::string_view why, const char* file,
                               int line);
void report_bug(std::string_view what, const char* file, int line);

}  // namespace holdfast

#define HF_CHECK(condition, why)                                       \
  do {                                                                 \
    if (!(condition)) [[unlikely]] {                                   \
      ::holdfast::check_failed(#condition, (why), __FILE__, __LINE__); \
    }                                                                  \
  } while (false)

#define HF_BUG(what) ::holdfast::report_bug((what), __FILE__, __LINE__)

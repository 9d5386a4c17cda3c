// What the activities on repositories share: progress, samples, patience with locks.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/async/run.h"
#include "domain/activities/data_context.h"
#include "engine/backup/backup.h"
#include "engine/backup/compare.h"
#include "flow/activity.h"

namespace holdfast::activities {

inline constexpr size_t kSample = 20;  // entries of a list in a payload
inline constexpr Nanoseconds kLockPause = std::chrono::seconds(10);
inline constexpr int kLockAttempts = 6 * 60;  // an hour

// Somebody else's lock goes away by itself: worth another attempt.
inline Error transient_conflict(Error error) {
  if (error.code() != Code::kConflict) {
    return error;
  }
  return Error(Code::kConflict, error.message(), Retry::kTransient).caused_by(std::move(error));
}

// Repeats `work` while somebody else's lock is in its way: pruning a large repository takes
// minutes, and a backup is worth the wait. The heartbeat goes on meanwhile.
template <class F>
auto patiently(const DataContext& context, flow::ActivityContext& activity, F work) {
  auto outcome = work();
  for (int i = 0; i < kLockAttempts && !outcome && outcome.error().code() == Code::kConflict; ++i) {
    if (!async::wait_blocking(context.clock(), kLockPause, activity.stop_token())) {
      break;
    }
    outcome = work();
  }
  return outcome;
}

inline Json beat_details(const backup::Progress& progress) {
  return JsonObject{{"files_done", progress.files_done.load()},
                    {"bytes_done", progress.bytes_done.load()},
                    {"errors", progress.errors.load()}};
}

// One difference in words; the compared directory itself is ".".
inline std::string in_words(const backup::Difference& difference) {
  return (difference.path.empty() ? "." : difference.path) + ": " + difference.what;
}

inline std::vector<std::string> first(const std::vector<std::string>& texts) {
  return {texts.begin(),
          texts.begin() + static_cast<std::ptrdiff_t>(std::min(kSample, texts.size()))};
}

inline std::vector<std::string> problem_texts(const std::vector<backup::Problem>& problems) {
  std::vector<std::string> texts;
  for (size_t i = 0; i < std::min(kSample, problems.size()); ++i) {
    texts.push_back(problems[i].path + ": " + problems[i].message);
  }
  return texts;
}

}  // namespace holdfast::activities

#include "domain/activities/directory_copy.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>

#include "core/base/units.h"
#include "core/env/posix/atomic_file.h"
#include "core/env/posix/process.h"
#include "domain/activities/engine_work.h"
#include "domain/activities/untouched.h"
#include "engine/backup/compare.h"
#include "engine/backup/local_tree.h"
#include "engine/backup/same_bytes.h"

namespace holdfast::activities {
namespace {

namespace fs = std::filesystem;
constexpr Nanoseconds kLongest = std::chrono::hours(24);

struct Pair {
  fs::path from;
  fs::path to;
};

std::vector<Pair> pairs_of(const RestoreRequest& request) {
  if (request.paths.empty()) {
    return {{request.snapshot_path, request.target}};
  }
  std::vector<Pair> pairs;
  for (const std::string& path : request.paths) {
    pairs.push_back({fs::path(request.snapshot_path) / path, fs::path(request.target) / path});
  }
  return pairs;
}

bool look_the_same(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
         a.st_rdev == b.st_rdev && a.st_size == b.st_size && a.st_mtim.tv_sec == b.st_mtim.tv_sec &&
         a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

// Whether the entry at `to` is what would be copied there: its bytes are read, unless it is
// untouched. What cannot be read is not the same.
bool same_entry(const fs::path& from, const struct stat& source, const fs::path& to,
                const struct stat& target, const Untouched& untouched) {
  if (S_ISDIR(source.st_mode) && S_ISDIR(target.st_mode)) {
    return true;
  }
  if (!look_the_same(source, target)) {
    return false;
  }
  std::error_code failure;
  if (S_ISLNK(source.st_mode)) {
    return fs::read_symlink(from, failure) == fs::read_symlink(to, failure) && !failure;
  }
  if (!S_ISREG(source.st_mode)) {
    return true;
  }
  if (untouched.holds(from, source, to, target)) {
    return true;
  }
  const auto a = backup::open_for_reading(from);
  const auto b = backup::open_for_reading(to);
  return a && b && backup::have_same_bytes(a->get(), from, b->get(), to).value_or(false);
}

void plan_entry(const fs::path& from, const fs::path& to, const std::string& name,
                const Untouched& untouched, RestorePlan& plan) {
  struct stat source{};
  struct stat target{};
  if (::lstat(from.c_str(), &source) != 0) {
    return;
  }
  if (::lstat(to.c_str(), &target) != 0) {
    ++plan.creates;
    if (plan.create_sample.size() < kSample) {
      plan.create_sample.push_back(name);
    }
  } else if (same_entry(from, source, to, target, untouched)) {
    return;
  } else {
    ++plan.overwrites;
    if (plan.overwrite_sample.size() < kSample) {
      plan.overwrite_sample.push_back(name);
    }
  }
  plan.bytes += S_ISREG(source.st_mode) ? static_cast<std::uint64_t>(source.st_size) : 0;
}

Untouched untouched_since(const RestoreRequest& request) {
  return {witness_between(request.snapshot_path, request.target), request.snapshot_path,
          request.target, request.point_time};
}

Status plan_pair(const Pair& pair, const Untouched& untouched, RestorePlan& plan) {
  std::error_code failure;
  if (!fs::exists(fs::symlink_status(pair.from, failure))) {
    return Error(Code::kNotFound, fmt::format("the snapshot has no {}", pair.from.string()));
  }
  if (!fs::is_directory(fs::symlink_status(pair.from, failure))) {
    plan_entry(pair.from, pair.to, pair.to.filename().string(), untouched, plan);
    return {};
  }
  auto entries = fs::recursive_directory_iterator(pair.from, failure);
  for (; !failure && entries != fs::end(entries); entries.increment(failure)) {
    const fs::path relative = entries->path().lexically_relative(pair.from);
    plan_entry(entries->path(), pair.to / relative, relative.string(), untouched, plan);
  }
  if (failure) {
    return Error(Code::kUnavailable,
                 fmt::format("cannot read {}: {}", pair.from.string(), failure.message()));
  }
  return {};
}

// What is in the target and not in the snapshot goes when the whole volume goes back. A directory
// that goes counts as one entry with everything in it.
Status plan_deletions(const RestoreRequest& request, RestorePlan& plan) {
  const fs::path top(request.target);
  std::error_code failure;
  auto entries = fs::recursive_directory_iterator(top, failure);
  for (; !failure && entries != fs::end(entries); entries.increment(failure)) {
    const fs::path relative = entries->path().lexically_relative(top);
    const bool own =
        entries.depth() == 0 && std::find(request.excludes.begin(), request.excludes.end(),
                                          relative.string()) != request.excludes.end();
    std::error_code ignored;
    const bool kept = fs::exists(fs::symlink_status(request.snapshot_path / relative, ignored));
    if (!own && !kept) {
      ++plan.deletes;
      if (plan.delete_sample.size() < kSample) {
        plan.delete_sample.push_back(relative.string());
      }
    }
    if ((own || !kept) && entries->is_directory(ignored) && !entries->is_symlink(ignored)) {
      entries.disable_recursion_pending();
    }
  }
  if (failure) {
    return Error(Code::kUnavailable,
                 fmt::format("cannot read {}: {}", top.string(), failure.message()));
  }
  return {};
}

}  // namespace

Result<Json> plan_directory_copy(const RestoreRequest& request) {
  RestorePlan plan;
  const Untouched untouched = untouched_since(request);
  for (const Pair& pair : pairs_of(request)) {
    HF_TRY_VOID(plan_pair(pair, untouched, plan));
  }
  const bool whole = request.in_place && request.paths.empty();
  if (request.means == "snapshot_restore" || (request.means == "replica_restore" && whole)) {
    HF_TRY_VOID(plan_deletions(request, plan));
  }
  return encode(plan);
}

Result<Json> copy_directory(const RestoreRequest& request, std::stop_token stop) {
  RestorePlan plan;
  const Untouched untouched = untouched_since(request);
  for (const Pair& pair : pairs_of(request)) {
    HF_TRY_VOID(plan_pair(pair, untouched, plan));
    const bool whole = fs::is_directory(fs::symlink_status(pair.from));
    HF_TRY_VOID(
        env::make_directories(whole ? pair.to.string() : pair.to.parent_path().string(), 0755));
    env::CommandOptions options;
    options.timeout = kLongest;
    options.stop = stop;
    const std::string from = whole ? (pair.from / ".").string() : pair.from.string();
    HF_TRY(const env::CommandResult result,
           env::run_program(
               {"cp", "-a", "--reflink=auto", "--remove-destination", "-T", from, pair.to.string()},
               options));
    if (result.exit_code != 0) {
      return Error(Code::kPartial, fmt::format("the copy from the snapshot is not complete: {}",
                                               result.output.substr(0, 500)));
    }
  }
  RestoreDone done;
  done.files = plan.creates + plan.overwrites;
  done.bytes = plan.bytes;
  Json answer = encode(done);
  answer.get_object()["detail"] =
      fmt::format("{} files, {} to {}", done.files, format_bytes(done.bytes), request.target);
  return answer;
}

Result<Json> compare_directory_copy(const RestoreRequest& request, std::stop_token stop) {
  Verdict verdict;
  for (const Pair& pair : pairs_of(request)) {
    if (!fs::is_directory(fs::symlink_status(pair.from))) {
      RestorePlan plan;
      HF_TRY_VOID(plan_pair(pair, Untouched(), plan));  // a verdict reads
      verdict.checked += 1;
      verdict.different += plan.creates + plan.overwrites;
      continue;
    }
    backup::CompareOptions options;
    options.stop = stop;
    HF_TRY(const auto report,
           backup::compare_directories(pair.from.string(), pair.to.string(), options));
    verdict.checked += report.compared;
    verdict.bytes += report.bytes_compared;
    // The copy made is the second side: what it lacks is "missing"; what lay there before is extra.
    verdict.different += report.different + report.missing + report.problems.size();
    for (size_t i = 0; i < report.differences.size() && verdict.sample.size() < kSample; ++i) {
      verdict.sample.push_back(in_words(report.differences[i]));
    }
  }
  verdict.good = verdict.different == 0;
  verdict.detail =
      verdict.good ? fmt::format("{} files equal the snapshot", verdict.checked)
                   : fmt::format("{} files differ from the snapshot, such as {}", verdict.different,
                                 verdict.sample.empty() ? "?" : verdict.sample.front());
  return encode(verdict);
}

}  // namespace holdfast::activities

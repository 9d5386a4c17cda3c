// Child processes: commands that operators configure (quiesce, release, probe) and system tools.
#pragma once

#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"

namespace holdfast::env {

struct CommandOptions {
  std::string directory;                           // empty: the caller's
  std::map<std::string, std::string> environment;  // added to the caller's
  Nanoseconds timeout = std::chrono::minutes(10);  // then the process group is killed
  std::stop_token stop;                            // the same
  std::size_t max_output = 64u << 10;              // what is longer is cut
};

struct CommandResult {
  int exit_code = 0;   // 128 + signal when a signal ended it
  std::string output;  // stdout and stderr together
};

// Runs a program found by PATH and waits for its end; blocks the calling thread. kNotFound: no such
// program; kDeadlineExceeded, kCancelled: it was killed with its process group.
Result<CommandResult> run_program(const std::vector<std::string>& arguments,
                                  const CommandOptions& options);
// The same for a line of shell (/bin/sh -c).
Result<CommandResult> run_shell(const std::string& line, const CommandOptions& options);

// Makes sure that a line of shell runs: when release() is called, when `deadline` passes, or when
// this process dies, whichever comes first. It runs once.
class ReleaseGuard {
 public:
  static Result<std::unique_ptr<ReleaseGuard>> start(const std::string& line, Nanoseconds deadline);
  // Releases, if that has not happened, and waits for the end.
  ~ReleaseGuard();
  ReleaseGuard(const ReleaseGuard&) = delete;
  ReleaseGuard& operator=(const ReleaseGuard&) = delete;

  // False when the deadline had passed before: what was guarded is no longer held.
  bool still_held() const;
  // Runs the line now and waits for it; its exit code and output.
  Result<CommandResult> release();

 private:
  ReleaseGuard(int pid, int control, int output) : pid_(pid), control_(control), output_(output) {}

  int pid_;
  int control_;  // closing it, also by dying, releases
  int output_;
  bool done_ = false;
};

}  // namespace holdfast::env

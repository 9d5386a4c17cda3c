// Child processes in their own process group, so that a deadline ends grandchildren too.
//
// The release guard is a shell that waits for end-of-file on a pipe whose other end only this
// process holds: release() closes it, the kernel closes it when this process dies, and `timeout`
// ends the wait at the deadline. Whatever ends the wait, the line runs next.
#include "core/env/posix/process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

extern char** environ;

namespace holdfast::env {
namespace {

constexpr int kPollMilliseconds = 100;

struct Pipe {
  int read = -1;
  int write = -1;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return io_error(errno, "create", "a pipe");
  }
  return Pipe{ends[0], ends[1]};
}

void close_end(int& fd) {
  if (fd >= 0) {
    ::close(fd);
    fd = -1;
  }
}

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text(*entry);
    if (!added.contains(text.substr(0, text.find('=')))) {
      all.push_back(text);
    }
  }
  for (const auto& [name, value] : added) {
    all.push_back(name + "=" + value);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> list;
  for (std::string& text : texts) {
    list.push_back(text.data());
  }
  list.push_back(nullptr);
  return list;
}

// Starts a program with stdin from `input` (-1: /dev/null) and stdout, stderr to `output`.
Result<int> spawn(std::vector<std::string> arguments, const CommandOptions& options, int input,
                  int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  if (input >= 0) {
    posix_spawn_file_actions_adddup2(&actions, input, 0);
  } else {
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  if (!options.directory.empty()) {
    posix_spawn_file_actions_addchdir_np(&actions, options.directory.c_str());
  }
  // A child starts with no signal blocked or ignored, whatever its parent does with signals.
  sigset_t none;
  sigset_t ignored;
  sigemptyset(&none);
  sigemptyset(&ignored);
  sigaddset(&ignored, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &ignored);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  posix_spawnattr_setpgroup(&attributes, 0);
  std::vector<std::string> variables = merged_environment(options.environment);
  int pid = 0;
  const int failure = ::posix_spawnp(&pid, arguments.front().c_str(), &actions, &attributes,
                                     pointers(arguments).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failure != 0) {
    return io_error(failure, "run", arguments.front());
  }
  return pid;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int wait_for(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_code_of(status);
}

// Reads what is there; false at end-of-file.
bool drain(int fd, std::string& output, std::size_t limit) {
  char buffer[4096];
  const ssize_t count = ::read(fd, buffer, sizeof(buffer));
  if (count > 0) {
    output.append(buffer,
                  std::min(static_cast<size_t>(count), limit - std::min(limit, output.size())));
  }
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace

Result<CommandResult> run_program(const std::vector<std::string>& arguments,
                                  const CommandOptions& options) {
  HF_TRY(Pipe pipe, make_pipe());
  const auto started = spawn(arguments, options, -1, pipe.write);
  close_end(pipe.write);
  if (!started) {
    close_end(pipe.read);
    return started.error();
  }
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  CommandResult result;
  bool open = true;
  bool late = false;
  while (open && !late && !options.stop.stop_requested()) {
    pollfd waiting{pipe.read, POLLIN, 0};
    if (::poll(&waiting, 1, kPollMilliseconds) > 0) {
      open = drain(pipe.read, result.output, options.max_output);
    }
    late = std::chrono::steady_clock::now() > deadline;
  }
  if (open) {
    ::kill(-*started, SIGKILL);
  }
  close_end(pipe.read);
  result.exit_code = wait_for(*started);
  if (open && late) {
    return Error(Code::kDeadlineExceeded,
                 fmt::format("{} did not end within its time and was killed", arguments.front()));
  }
  if (open) {
    return Error(Code::kCancelled, fmt::format("{} was asked to stop", arguments.front()));
  }
  return result;
}

Result<CommandResult> run_shell(const std::string& line, const CommandOptions& options) {
  return run_program({"/bin/sh", "-c", line}, options);
}

Result<std::unique_ptr<ReleaseGuard>> ReleaseGuard::start(const std::string& line,
                                                          Nanoseconds deadline) {
  HF_TRY(Pipe control, make_pipe());
  auto output = make_pipe();
  if (!output) {
    close_end(control.read);
    close_end(control.write);
    return output.error();
  }
  const auto seconds =
      std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(deadline).count());
  const std::string script =
      fmt::format("timeout {} cat >/dev/null; exec </dev/null; {}", seconds, line);
  const auto started =
      spawn({"/bin/sh", "-c", script}, CommandOptions(), control.read, output->write);
  close_end(control.read);
  close_end(output->write);
  if (!started) {
    close_end(control.write);
    close_end(output->read);
    return started.error();
  }
  return std::unique_ptr<ReleaseGuard>(new ReleaseGuard(*started, control.write, output->read));
}

bool ReleaseGuard::still_held() const {
  // The waiting shell holds the read end until it releases; after that, writing would fail.
  pollfd state{control_, POLLOUT, 0};
  return !done_ && ::poll(&state, 1, 0) >= 0 && (state.revents & POLLERR) == 0;
}

Result<CommandResult> ReleaseGuard::release() {
  CommandResult result;
  if (done_) {
    return result;
  }
  done_ = true;
  close_end(control_);
  while (drain(output_, result.output, CommandOptions().max_output)) {
  }
  close_end(output_);
  result.exit_code = wait_for(pid_);
  return result;
}

ReleaseGuard::~ReleaseGuard() {
  if (!done_) {
    const auto ignored = release();
    static_cast<void>(ignored);
  }
}

}  // namespace holdfast::env

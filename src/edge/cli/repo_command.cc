// The table of verbs and options, signals, and the way from an error to an exit code.
#include "edge/cli/repo_command.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "core/base/log.h"
#include "edge/cli/display.h"
#include "edge/cli/repo_session.h"

namespace holdfast::cli {
namespace {

struct Verb {
  std::string_view name;
  std::string_view help;
  Result<int> (*run)(RepoSession&);
  bool opens;  // needs the repository opened before
};

constexpr std::array kVerbs{
    Verb{"init", "make a new repository", repo_init, false},
    Verb{"backup", "PATH...: save directories or files", repo_backup, true},
    Verb{"snapshots", "list what was saved", repo_snapshots, true},
    Verb{"ls", "SNAPSHOT [PATH]: list files of a snapshot", repo_ls, true},
    Verb{"restore", "SNAPSHOT --target DIR: bring files back", repo_restore, true},
    Verb{"check", "[--read-data]: is everything there and sound", repo_check, true},
    Verb{"forget", "ID... or --keep-*: remove snapshots", repo_forget, true},
    Verb{"prune", "give back the space of what no snapshot needs", repo_prune, true},
    Verb{"copy", "--from-repo DIR [ID...]: copy snapshots from another repository", repo_copy,
         true},
    Verb{"stats", "[ID...]: how much is stored", repo_stats, true},
    Verb{"unlock", "[--remove-all]: remove stale locks", repo_unlock, true},
    Verb{"key", "list | add --new-password-file FILE | remove ID", repo_key, true},
    Verb{"cat", "config | snapshot ID | index ID | blob ID | pack ID | key ID", repo_cat, true},
};

// -l is --long of ls and --keep-last of forget, as in restic.
std::vector<RepoOption> all_options(bool forgets) {
  return {{"repo", 'r', true},
          {"password-file", 'p', true},
          {"json", 0, false},
          {"quiet", 'q', false},
          {"verbose", 'v', false},
          {"help", 'h', false},
          {"tag", 0, true},
          {"host", 'H', true},
          {"parent", 0, true},
          {"time", 0, true},
          {"exclude", 'e', true},
          {"force", 'f', false},
          {"dry-run", 'n', false},
          {"one-file-system", 'x', false},
          {"with-atime", 0, false},
          {"read-path", 0, true},
          {"device-id", 0, true},
          {"target", 't', true},
          {"include", 'i', true},
          {"overwrite", 0, true},
          {"delete", 0, false},
          {"verify", 0, false},
          {"sparse", 0, false},
          {"long", forgets ? '\0' : 'l', false},
          {"recursive", 0, false},
          {"read-data", 0, false},
          {"keep-last", forgets ? 'l' : '\0', true},
          {"keep-hourly", 0, true},
          {"keep-daily", 'd', true},
          {"keep-weekly", 'w', true},
          {"keep-monthly", 'm', true},
          {"keep-yearly", 'y', true},
          {"keep-within", 0, true},
          {"keep-tag", 0, true},
          {"prune", 0, false},
          {"max-unused", 0, true},
          {"from-repo", 0, true},
          {"from-password-file", 0, true},
          {"copy-chunker-params", 0, false},
          {"new-password-file", 0, true},
          {"remove-all", 0, false}};
}

int exit_code_of(const Error& error) {
  switch (error.code()) {
    case Code::kConflict:
      return kExitLocked;
    case Code::kWrongPassword:
      return kExitWrongPassword;
    case Code::kPartial:
      return kExitPartial;
    case Code::kCancelled:
      return kExitInterrupted;
    default:
      return kExitError;
  }
}

int report(const Error& error, int code, bool json) {
  if (json) {
    const JsonObject line{
        {"message_type", "exit_error"}, {"code", code}, {"message", error.to_string()}};
    fmt::print(stderr, "{}\n", to_text(line));
  } else {
    fmt::print(stderr, "holdfast: {}\n", printable(error.to_string()));
  }
  return code;
}

int print_help(std::FILE* to, int code) {
  fmt::print(to, "holdfast repo VERB [-r DIRECTORY] [--password-file FILE] [--json]\n\n");
  for (const Verb& verb : kVerbs) {
    fmt::print(to, "  {:<10} {}\n", verb.name, verb.help);
  }
  return code;
}

// Turns SIGINT and SIGTERM into a stop request while it lives; the second one kills as usual.
class StopOnSignal {
 public:
  StopOnSignal() {
    if (::pipe2(pipe_.data(), O_CLOEXEC) != 0) {
      return;
    }
    write_end = pipe_[1];
    thread_ = std::thread([this] {
      char byte = 0;
      ssize_t count = 0;
      do {
        count = ::read(pipe_[0], &byte, 1);
      } while (count < 0 && errno == EINTR);
      if (count == 1 && byte == 's') {
        source_.request_stop();
      }
    });
    struct sigaction action{};
    action.sa_handler = &StopOnSignal::handle;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
  }
  ~StopOnSignal() {
    ::signal(SIGINT, SIG_DFL);
    ::signal(SIGTERM, SIG_DFL);
    if (thread_.joinable()) {
      static_cast<void>(!::write(pipe_[1], "e", 1));
      thread_.join();
      ::close(pipe_[0]);
      ::close(pipe_[1]);
    }
  }
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;
  std::stop_token token() const { return source_.get_token(); }

 private:
  static void handle(int) { static_cast<void>(!::write(write_end, "s", 1)); }
  static inline int write_end = -1;
  std::array<int, 2> pipe_{-1, -1};
  std::stop_source source_;
  std::thread thread_;
};

int run_verb(const Verb& verb, RepoSession& session) {
  if (verb.opens) {
    if (const Status opened = session.open(); !opened) {
      const bool absent = opened.error().code() == Code::kNotFound;
      return report(opened.error(), absent ? kExitNoRepository : exit_code_of(opened.error()),
                    session.json());
    }
  }
  const Result<int> done = verb.run(session);
  return done ? *done : report(done.error(), exit_code_of(done.error()), session.json());
}

}  // namespace

int run_repo_command(const std::vector<std::string>& args) {
  set_log_format(LogFormat::kHuman);
  const bool forgets = std::find(args.begin(), args.end(), "forget") != args.end();
  auto parsed = parse_repo_arguments(args, all_options(forgets));
  if (!parsed) {
    return report(parsed.error(), kExitError, false);
  }
  if (parsed->has("help") || parsed->verb == "help") {
    return print_help(stdout, kExitOk);
  }
  for (const Verb& verb : kVerbs) {
    if (verb.name == parsed->verb) {
      const StopOnSignal signals;
      RepoSession session(std::move(*parsed), signals.token());
      return run_verb(verb, session);
    }
  }
  if (!parsed->verb.empty()) {
    fmt::print(stderr, "holdfast: unknown verb '{}'\n", printable(parsed->verb));
  }
  return print_help(stderr, kExitError);
}

}  // namespace holdfast::cli

// The agent's directory holds its lock, the tokens of the tasks in hand, and the scratch
// directories of proofs, which are emptied at the start.
#include "edge/agent/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <fmt/core.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <stop_token>
#include <thread>

#include "core/async/pool.h"
#include "core/base/log.h"
#include "core/env/posix/atomic_file.h"
#include "core/env/posix/posix_file_system.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "core/net/http_client.h"
#include "domain/activities/data_activities.h"
#include "domain/activities/data_context.h"
#include "edge/agent/http_source.h"
#include "edge/agent/worker.h"

namespace holdfast::agent {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

Result<SecretString> read_token(const std::string& file) {
  auto text = env::read_small_file(file);
  if (!text) {
    return Error(Code::kUnauthenticated,
                 fmt::format("the agent's key cannot be read: 'holdfast agent add NAME' on the "
                             "server prints one, put it into {}",
                             file))
        .caused_by(text.error());
  }
  while (text->ends_with('\n') || text->ends_with('\r')) {
    text->pop_back();
  }
  return SecretString(*std::move(text));
}

// Held while the agent runs. The kernel gives it back with the process.
class DirectoryLock {
 public:
  static Result<std::unique_ptr<DirectoryLock>> take(const std::string& data_dir) {
    HF_TRY_VOID(env::make_directories(data_dir, 0700));
    const std::string path = data_dir + "/agent.lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
      return io_error(errno, "open", path);
    }
    std::unique_ptr<DirectoryLock> lock(new DirectoryLock(fd));
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
      return Error(
          Code::kConflict,
          fmt::format("another agent uses {}: stop it or choose another --data", data_dir));
    }
    return lock;
  }
  ~DirectoryLock() { ::close(fd_); }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

Result<std::string> fresh_scratch(const std::string& data_dir) {
  const std::string path = data_dir + "/scratch";
  std::error_code failure;
  std::filesystem::remove_all(path, failure);
  HF_TRY_VOID(env::make_directories(path, 0700));
  return path;
}

activities::OwnPlaces own_places(const Options& options, std::string scratch) {
  activities::OwnPlaces own;
  own.scratch_dir = std::move(scratch);
  for (const activities::RepositoryRef& repository : options.repositories) {
    own.repositories[repository.name] = repository;
  }
  return own;
}

// Waits for a signal while the worker works; the worker that ends by itself sends one.
Status work_until_signal(Worker& worker, const sigset_t& ending) {
  std::stop_source stop;
  Status outcome;
  std::thread working([&] {
    outcome = worker.run(stop.get_token());
    ::kill(::getpid(), SIGTERM);
  });
  int received = 0;
  sigwait(&ending, &received);
  if (!stop.stop_requested()) {
    log_info("agent.stopping", {{"signal", received}});
  }
  stop.request_stop();
  working.join();
  return outcome;
}

Status run_agent(const Options& given, const sigset_t& ending) {
  HF_TRY(const Options options, complete_options(given, environment));
  HF_TRY(SecretString token, read_token(options.token_file));
  HF_TRY(const auto lock, DirectoryLock::take(options.data_dir));
  HF_TRY(std::string scratch, fresh_scratch(options.data_dir));
  env::SystemClock clock;
  env::SystemRandom random;
  env::PosixFileSystem files;
  async::Pool blocking("blocking", 4);
  const activities::DataContext data(clock, random, files, blocking,
                                     own_places(options, std::move(scratch)));
  flow::ActivityRegistry registry;
  activities::register_engine_activities(registry, data);
  activities::register_restore_activities(registry, data);
  activities::register_storage_activities(registry, data);
  activities::register_replication_activities(registry, data);
  activities::register_native_activities(registry, data);
  activities::register_proof_activities(registry, data);

  net::ClientOptions net_options;
  net_options.tls.ca_file = options.ca_file;
  net_options.user_agent = std::string("holdfast-agent/") + HOLDFAST_VERSION;
  HF_TRY(const auto client, net::HttpClient::create(clock, net_options));
  const auto source = make_http_source(*client, options.server, std::move(token));
  WorkerOptions how;
  how.places = options.places;
  how.instance = random.new_id("ins_", clock.now());
  how.host = host_name();
  how.journal_dir = options.data_dir + "/tasks";
  for (const activities::RepositoryRef& repository : options.repositories) {
    how.repositories.push_back(repository.name);
  }
  Worker worker(clock, random, *source, registry, how);
  log_info("agent.started", {{"server", options.server},
                             {"data", options.data_dir},
                             {"places", options.places},
                             {"version", HOLDFAST_VERSION}});
  return work_until_signal(worker, ending);
}

}  // namespace

int run(const Options& given) {
  set_log_format(LogFormat::kJson);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before any thread exists, so that all inherit it
  ::signal(SIGPIPE, SIG_IGN);
  const Status outcome = run_agent(given, ending);
  if (outcome) {
    return 0;
  }
  fmt::print(stderr, "holdfast agent: {}\n", outcome.error().to_string());
  return describe(outcome.error().code()).exit_code;
}

}  // namespace holdfast::agent

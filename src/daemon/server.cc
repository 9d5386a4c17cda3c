// Objects in the order in which they stand on one another; destroyed in reverse. What stops first:
// the gateway (no new requests), the background loop, the engine (activities), the database.
#include "daemon/server.h"

#include <pwd.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/core.h>

#include "core/async/run.h"
#include "core/audit/audit.h"
#include "core/base/log.h"
#include "core/env/posix/posix_file_system.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "core/net/http_client.h"
#include "core/net/server.h"
#include "core/net/url.h"
#include "daemon/background.h"
#include "daemon/config.h"
#include "daemon/data_dir.h"
#include "daemon/front.h"
#include "daemon/owner_key.h"
#include "daemon/running_engine.h"
#include "daemon/state.h"
#include "daemon/workflows.h"
#include "domain/access/agents.h"
#include "domain/activities/data_activities.h"
#include "domain/approve/approvals.h"
#include "domain/inventory/catalog.h"
#include "domain/protect/backup_activities.h"
#include "domain/protect/lease.h"
#include "domain/protect/ledger.h"
#include "domain/protect/notifications.h"
#include "domain/protect/policy_store.h"
#include "domain/protect/rebuild.h"
#include "domain/protect/report_activities.h"
#include "domain/protect/repositories.h"
#include "domain/protect/services.h"
#include "domain/protect/start_run.h"
#include "domain/protect/systems.h"
#include "domain/recover/measured.h"
#include "domain/recover/recovery_activities.h"
#include "edge/api/agent_tasks.h"
#include "edge/api/gateway.h"
#include "flow/embedded/engine.h"

namespace holdfast::daemon {
namespace {

constexpr Nanoseconds kStartAgainAfter = std::chrono::seconds(1);

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

db::Migrations all_migrations() {
  db::Migrations all;
  for (db::Migrations part :
       {audit::migrations(), access::migrations(), inventory::migrations(),
        inventory::system_migrations(), approve::migrations(), protect::policy_migrations(),
        protect::ledger_migrations(), protect::lease_migrations(), recover::measured_migrations(),
        flow::embedded::migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

// A thousand agents wait on a connection each, so the limit of open files is raised as far as it
// goes; a part of them is for everything else.
int most_connections() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) {
    return 512;
  }
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 65'536);
  ::setrlimit(RLIMIT_NOFILE, &files);
  ::getrlimit(RLIMIT_NOFILE, &files);
  return static_cast<int>(std::clamp<rlim_t>(files.rlim_cur / 2, 256, 16'384));
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(Options options) : options_(std::move(options)) {}
  ~ServerImpl() override { stop(); }

  Status run();
  bool wait(std::stop_token stop) override {
    std::unique_lock lock(mutex_);
    return !changed_.wait(lock, stop, [this] { return lost_; });
  }
  bool lost() {
    const std::lock_guard lock(mutex_);
    return lost_;
  }
  std::string address() const override {
    const net::Url url{"", options_.listen_address, http_->port(), "", ""};
    return (options_.certificate_file.empty() ? "http://" : "https://") + url.authority();
  }

 private:
  Status open_state();
  void make_registries();
  Status start_engine();
  Status listen();
  Status start_gateway();
  Status rebuild_if_lost(bool lost);
  void stop();

  Options options_;
  Config config_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool lost_ = false;
  std::unique_ptr<DirectoryLock> lock_;
  env::SystemClock clock_;
  env::SystemRandom random_;
  env::PosixFileSystem files_;
  async::Pool io_{"io", 2};
  async::Pool blocking_{"blocking", 4};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<net::HttpClient> http_client_;
  std::unique_ptr<protect::ServerContext> context_;
  std::unique_ptr<activities::DataContext> data_;
  notify::ChannelServices channels_;
  flow::WorkflowRegistry workflows_;
  flow::ActivityRegistry activities_;
  std::unique_ptr<RunningEngine> engine_;
  std::unique_ptr<protect::Services> services_;
  std::unique_ptr<api::AgentTasks> agent_tasks_;
  std::unique_ptr<api::Gateway> gateway_;
  Front front_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<Background> background_;
};

Status ServerImpl::open_state() {
  StateOptions where{config_,       options_.data_dir, host_name(), clock_,
                     options_.stop, options_.again,    {},          {}};
  where.standing_by = [this](const std::string& active) {
    front_.stand_by(active);
    return listen();
  };
  where.on_lost = [this](const Error&) {
    const std::lock_guard lock(mutex_);
    lost_ = true;
    changed_.notify_all();
  };
  HF_TRY(database_, daemon::open_state(where, all_migrations()));
  const std::string self =
      config_.postgres.empty() ? "" : server_name(where.host, options_.data_dir);
  HF_TRY_VOID(
      ensure_owner_key(*database_, clock_, random_, options_.data_dir, options_.reset_admin, self));
  HF_TRY(http_client_, net::HttpClient::create(clock_, {}));
  context_ = std::make_unique<protect::ServerContext>(protect::ServerContext{
      *database_, clock_, random_, options_.data_dir, host_name(), schedule::system_zone_name()});
  data_ = std::make_unique<activities::DataContext>(clock_, random_, files_, blocking_);
  context_->storage_facts = [this](const std::string& kind) {
    const auto driver = data_->driver(kind);
    return !driver ? protect::StorageFacts()
                   : protect::StorageFacts{(*driver)->capabilities().groups,
                                           (*driver)->native_restore() != nullptr};
  };
  channels_ = {http_client_.get(), &blocking_, &clock_};
  return {};
}

void ServerImpl::make_registries() {
  register_workflows(workflows_);
  activities::register_engine_activities(activities_, *data_);
  activities::register_restore_activities(activities_, *data_);
  activities::register_storage_activities(activities_, *data_);
  activities::register_replication_activities(activities_, *data_);
  activities::register_native_activities(activities_, *data_);
  activities::register_proof_activities(activities_, *data_);
  protect::register_backup_activities(activities_, *context_);
  protect::register_notification_activity(activities_, *context_, channels_);
  protect::register_rebuild_activities(activities_, *context_);
  protect::register_report_activities(activities_, *context_, *data_,
                                      [this]() -> flow::Client& { return engine_->client(); });
  recover::register_recovery_activities(activities_, *context_);
}

Status ServerImpl::start_engine() {
  HF_TRY(engine_,
         RunningEngine::start(config_, {*database_, clock_, random_, workflows_, activities_}));
  services_ =
      std::make_unique<protect::Services>(protect::Services{*context_, *data_, engine_->client()});
  return {};
}

Status ServerImpl::listen() {
  net::ServerOptions where;
  where.address = options_.listen_address;
  where.port = options_.port;
  where.certificate_file = options_.certificate_file;
  where.private_key_file = options_.private_key_file;
  where.max_connections = most_connections();
  Front* front = &front_;
  HF_TRY(http_, net::HttpServer::start(io_.executor(), clock_, where,
                                       [front](std::shared_ptr<const net::HttpRequest> request) {
                                         return front->handle(std::move(request));
                                       }));
  return write_endpoint(options_.data_dir, address());
}

Status ServerImpl::start_gateway() {
  HF_TRY(Buffer key, database_->write_blocking([this](db::Connection& sql) {
    return access::server_secret(sql, "agent_tasks", random_);
  }));
  agent_tasks_ = std::make_unique<api::AgentTasks>(*context_, engine_->tasks(), std::move(key));
  services_->agent_asks_now = [this](const std::string& id) { return agent_tasks_->asks_now(id); };
  gateway_ = std::make_unique<api::Gateway>(*services_, channels_, *agent_tasks_);
  front_.open(gateway_.get());
  return http_ ? Status() : listen();
}

// Repositories without rows mean that the state database was lost: the catalog comes back by
// itself.
Status ServerImpl::rebuild_if_lost(bool lost) {
  if (!lost) {
    return {};
  }
  protect::RunRequest request;
  request.workflow = "catalog_rebuild";
  request.run_id = context_->new_id("run_");
  request.parameters = JsonObject{};
  request.trigger = "lost_database";
  log_warn("catalog.rebuild_started", {{"run", request.run_id}});
  return status_of(async::block_on(io_.executor(), protect::start_run(engine_->client(), request)));
}

Status ServerImpl::run() {
  HF_TRY(config_, load_config(options_.config_file));
  HF_TRY(lock_, DirectoryLock::take(options_.data_dir));
  HF_TRY_VOID(open_state());
  HF_TRY(const bool lost, protect::ensure_repositories(*context_, *data_));
  HF_TRY_VOID(protect::load_systems(*context_, *data_));
  make_registries();
  HF_TRY_VOID(start_engine());
  HF_TRY_VOID(rebuild_if_lost(lost));
  HF_TRY_VOID(start_gateway());
  background_ = std::make_unique<Background>(io_, *context_, engine_->client(), *data_, channels_);
  return {};
}

void ServerImpl::stop() {
  if (engine_ && lost()) {
    engine_->stop();  // first of all: another server may begin the same work
  }
  if (http_) {
    remove_endpoint(options_.data_dir);
  }
  background_.reset();
  if (agent_tasks_) {
    agent_tasks_->stop();
  }
  http_.reset();
  gateway_.reset();
  if (engine_) {
    engine_->stop();
  }
}

// SIGINT and SIGTERM as a stop token. Made before any other thread, which then inherit the mask.
class Ending {
 public:
  Ending() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
    listener_ = std::thread([this] {
      const timespec look_again{0, 200'000'000};
      while (!source_.stop_requested()) {
        if (sigtimedwait(&signals_, nullptr, &look_again) > 0) {
          source_.request_stop();
        }
      }
    });
  }
  ~Ending() {
    source_.request_stop();
    listener_.join();
  }
  Ending(const Ending&) = delete;
  Ending& operator=(const Ending&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t signals_{};
  mutable std::stop_source source_;
  std::thread listener_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Options& options) {
  auto server = std::make_unique<ServerImpl>(options);
  HF_TRY_VOID(server->run());
  return std::unique_ptr<Server>(std::move(server));
}

int serve(const Options& options) {
  set_log_format(LogFormat::kJson);
  const Ending ending;
  ::signal(SIGPIPE, SIG_IGN);
  Options now = options;
  now.stop = ending.token();
  while (true) {
    auto server = Server::start(now);
    if (!server && now.stop.stop_requested()) {
      return 0;
    }
    if (!server && now.again && server.error().retry() == Retry::kTransient) {
      log_error("server.start_failed", {{"error", server.error().to_string()}});
      env::SystemClock clock;
      (void)async::wait_blocking(clock, kStartAgainAfter, now.stop);
      continue;
    }
    if (!server) {
      fmt::print(stderr, "holdfast: {}\n", server.error().to_string());
      return describe(server.error().code()).exit_code;
    }
    log_info("server.started", {{"address", (*server)->address()},
                                {"data", options.data_dir},
                                {"version", HOLDFAST_VERSION}});
    const bool stopping = (*server)->wait(now.stop);
    log_info(stopping ? "server.stopping" : "server.lost_its_database", {});
    server->reset();
    if (stopping) {
      return 0;
    }
    now.again = true;
    now.reset_admin = false;
  }
}

}  // namespace holdfast::daemon

// Objects in the order in which they stand on one another; destroyed in reverse. What stops first:
// the gateway (no new requests), the background loop, the engine (activities), the database.
#include "daemon/server.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

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
#include "daemon/owner_key.h"
#include "daemon/running_engine.h"
#include "daemon/workflows.h"
#include "domain/access/keys.h"
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
#include "domain/recover/measured.h"
#include "domain/recover/recovery_activities.h"
#include "edge/api/gateway.h"
#include "flow/embedded/engine.h"

namespace holdfast::daemon {
namespace {

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "localhost";
}

db::Migrations all_migrations() {
  db::Migrations all;
  for (db::Migrations part :
       {audit::migrations(), access::migrations(), inventory::migrations(), approve::migrations(),
        protect::policy_migrations(), protect::ledger_migrations(), protect::lease_migrations(),
        recover::measured_migrations(), flow::embedded::migrations()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

class ServerImpl final : public Server {
 public:
  explicit ServerImpl(Options options) : options_(std::move(options)) {}
  ~ServerImpl() override { stop(); }

  Status run();
  std::string address() const override {
    const net::Url url{"", options_.listen_address, http_->port(), "", ""};
    return (options_.certificate_file.empty() ? "http://" : "https://") + url.authority();
  }

 private:
  Status open_state();
  void make_registries();
  Status start_engine();
  Status start_gateway();
  Status rebuild_if_lost(bool lost);
  void stop();

  Options options_;
  Config config_;
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
  std::unique_ptr<api::Gateway> gateway_;
  std::unique_ptr<net::HttpServer> http_;
  std::unique_ptr<Background> background_;
};

Status ServerImpl::open_state() {
  HF_TRY(database_, db::Database::open(state_file(options_.data_dir), all_migrations()));
  HF_TRY_VOID(
      ensure_owner_key(*database_, clock_, random_, options_.data_dir, options_.reset_admin));
  HF_TRY(http_client_, net::HttpClient::create(clock_, {}));
  context_ = std::make_unique<protect::ServerContext>(protect::ServerContext{
      *database_, clock_, random_, options_.data_dir, host_name(), schedule::system_zone_name()});
  data_ = std::make_unique<activities::DataContext>(clock_, random_, files_, blocking_);
  channels_ = {http_client_.get(), &blocking_, &clock_};
  return {};
}

void ServerImpl::make_registries() {
  register_workflows(workflows_);
  activities::register_engine_activities(activities_, *data_);
  activities::register_restore_activities(activities_, *data_);
  activities::register_storage_activities(activities_, *data_);
  activities::register_proof_activities(activities_, *data_);
  protect::register_backup_activities(activities_, *context_);
  protect::register_notification_activity(activities_, *context_, channels_);
  protect::register_rebuild_activities(activities_, *context_);
  protect::register_report_activities(activities_, *context_,
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

Status ServerImpl::start_gateway() {
  gateway_ = std::make_unique<api::Gateway>(*services_, channels_);
  net::ServerOptions listen;
  listen.address = options_.listen_address;
  listen.port = options_.port;
  listen.certificate_file = options_.certificate_file;
  listen.private_key_file = options_.private_key_file;
  api::Gateway* gateway = gateway_.get();
  HF_TRY(http_, net::HttpServer::start(io_.executor(), clock_, listen,
                                       [gateway](std::shared_ptr<const net::HttpRequest> request) {
                                         return gateway->handle(std::move(request));
                                       }));
  return write_endpoint(options_.data_dir, address());
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
  make_registries();
  HF_TRY_VOID(start_engine());
  HF_TRY_VOID(rebuild_if_lost(lost));
  HF_TRY_VOID(start_gateway());
  background_ = std::make_unique<Background>(io_, *context_, engine_->client());
  return {};
}

void ServerImpl::stop() {
  if (http_) {
    remove_endpoint(options_.data_dir);
  }
  background_.reset();
  http_.reset();
  gateway_.reset();
  if (engine_) {
    engine_->stop();
  }
}

}  // namespace

Result<std::unique_ptr<Server>> Server::start(const Options& options) {
  auto server = std::make_unique<ServerImpl>(options);
  HF_TRY_VOID(server->run());
  return std::unique_ptr<Server>(std::move(server));
}

int serve(const Options& options) {
  set_log_format(LogFormat::kJson);
  sigset_t ending;
  sigemptyset(&ending);
  sigaddset(&ending, SIGINT);
  sigaddset(&ending, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &ending, nullptr);  // before any thread exists, so that all inherit it
  ::signal(SIGPIPE, SIG_IGN);
  auto server = Server::start(options);
  if (!server) {
    fmt::print(stderr, "holdfast: {}\n", server.error().to_string());
    return describe(server.error().code()).exit_code;
  }
  log_info("server.started", {{"address", (*server)->address()},
                              {"data", options.data_dir},
                              {"version", HOLDFAST_VERSION}});
  int received = 0;
  sigwait(&ending, &received);
  log_info("server.stopping", {{"signal", received}});
  server->reset();
  return 0;
}

}  // namespace holdfast::daemon

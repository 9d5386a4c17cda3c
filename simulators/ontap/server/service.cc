// Threads: connections on `network`, handlers (which take the world's lock and wait for its
// commit) on `handlers`; waiting for a job costs neither.
#include "simulators/ontap/server/service.h"

#include <fmt/core.h>

#include "core/async/run.h"
#include "core/base/bytes.h"
#include "core/base/log.h"
#include "core/env/posix/atomic_file.h"
#include "simulators/ontap/model/cron.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/server/port.h"
#include "simulators/ontap/snapmirror/sync.h"

namespace holdfast::ontap_sim {
namespace {

constexpr int kNetworkThreads = 2;
constexpr int kHandlerThreads = 8;

}  // namespace

Result<std::unique_ptr<Service>> Service::start(ServiceOptions options, env::Clock& clock,
                                                env::Random& random) {
  std::unique_ptr<Service> service(new Service(std::move(options), clock));
  HF_TRY_VOID(service->open(random));
  return service;
}

Service::Service(ServiceOptions options, env::Clock& clock)
    : options_(std::move(options)), clock_(clock) {}

Service::~Service() {
  for (const auto& port : ports_) {
    if (port->server) {
      port->server->stop();
    }
  }
  if (world_) {
    world_->stop();
  }
  for (const auto& port : ports_) {  // one may have been opened again meanwhile
    port->server.reset();
  }
  handlers_.reset();
  network_.reset();
}

Status Service::open(env::Random& random) {
  random_ = &random;
  HF_TRY(world_, World::open(options_.folder, options_.config, clock_, random));
  network_ = std::make_unique<async::Pool>("net", kNetworkThreads);
  handlers_ = std::make_unique<async::Pool>("handle", kHandlerThreads);
  HF_TRY_VOID(make_certificates(false));
  control_token_ = to_hex(random.bytes16());
  log_ = std::make_unique<CallLog>(options_.folder + "/calls.jsonl");
  auto manager = std::make_unique<Port>();
  manager->note = "port.um";
  manager->number = options_.port;
  ports_.push_back(std::move(manager));
  for (const auto& cluster : world_->clusters()) {
    auto port = std::make_unique<Port>();
    port->cluster = cluster.get();
    port->note = "port." + cluster->name;
    for (const ClusterConfig& config : options_.config.clusters) {
      if (config.name == cluster->name) {
        port->number = config.port;
      }
    }
    ports_.push_back(std::move(port));
  }
  for (const auto& port : ports_) {
    HF_TRY_VOID(listen(*port));
  }
  {
    Locked lock(*world_);
    for (const auto& port : ports_) {
      world_->set_note(port->note, std::to_string(port->number.load()));
    }
    last_mounts_ = to_text(Json(mounts_of(*world_)));
    HF_TRY_VOID(lock.release());
  }
  const JsonObject access{
      {"base_url", fmt::format("https://{}:{}", options_.address, manager_port())},
      {"token", control_token_}};
  HF_TRY_VOID(
      env::write_file_atomically(options_.folder + "/control.json", to_text(Json(access)), 0600));
  HF_TRY_VOID(write_endpoints());
  if (options_.config.scheduler) {
    start_scheduler(*world_);
  }
  start_sync(*world_);
  Locked lock(*world_);
  world_->volumes_changed = [this] {
    std::string mounts = to_text(Json(mounts_of(*world_)));
    if (mounts != last_mounts_) {
      last_mounts_ = std::move(mounts);
      if (const Status written = write_endpoints(); !written) {
        log_error("sim.endpoints_failed", {{"error", written.error().to_string()}});
      }
    }
  };
  return {};
}

Status Service::make_certificates(bool anew) {
  const std::string& folder = options_.folder;
  if (!anew && env::read_small_file(folder + "/server.key") &&
      env::read_small_file(folder + "/ca.pem")) {
    return {};
  }
  net::CertificateSubject subject;
  subject.common_name = "ontap-sim authority";
  subject.valid_from = clock_.now() - std::chrono::hours(24);
  HF_TRY(const net::Certificate authority, net::make_authority(subject, *random_));
  subject.common_name = "ontap-sim";
  subject.names = {"IP:127.0.0.1", "IP:::1", "DNS:localhost"};
  if (options_.address != "127.0.0.1") {
    subject.names.push_back("IP:" + options_.address);
  }
  HF_TRY(const net::Certificate server, net::issue_certificate(authority, subject, *random_));
  subject.client = true;
  subject.names.clear();
  subject.common_name = options_.config.user;
  HF_TRY(const net::Certificate client, net::issue_certificate(authority, subject, *random_));
  HF_TRY_VOID(env::write_file_atomically(folder + "/ca.pem", authority.certificate, 0644));
  HF_TRY_VOID(env::write_file_atomically(folder + "/client.pem", client.certificate, 0644));
  HF_TRY_VOID(env::write_file_atomically(folder + "/client.key", client.private_key, 0600));
  HF_TRY_VOID(env::write_file_atomically(folder + "/server.pem", server.certificate, 0644));
  return env::write_file_atomically(folder + "/server.key", server.private_key, 0600);
}

Status Service::listen(Port& port) {
  net::ServerOptions options;
  options.address = options_.address;
  options.certificate_file = options_.folder + "/server.pem";
  options.private_key_file = options_.folder + "/server.key";
  options.client_ca_file = options_.folder + "/ca.pem";
  options.max_body_bytes = 64u << 20;
  options.max_header_bytes = 64u << 10;
  options.server_name = port.cluster ? "libzapid-httpd" : "Apache";
  const auto handler = [this, at = &port](std::shared_ptr<const net::HttpRequest> request) {
    return answer(at, std::move(request));
  };
  std::uint16_t wanted = port.number;
  if (wanted == 0) {
    Locked lock(*world_);
    wanted = static_cast<std::uint16_t>(std::strtoul(world_->note(port.note).c_str(), nullptr, 10));
  }
  options.port = wanted;
  auto started = net::HttpServer::start(network_->executor(), clock_, options, handler);
  if (!started && port.number == 0) {  // the port of the last start is taken: any other
    options.port = 0;
    started = net::HttpServer::start(network_->executor(), clock_, options, handler);
  }
  HF_TRY(port.server, std::move(started));
  port.number = port.server->port();
  return {};
}

JsonObject Service::endpoints() {
  const auto access = [&](const Port& port, const std::string& user, const std::string& password) {
    return JsonObject{
        {"base_url", fmt::format("https://{}:{}", options_.address, port.number.load())},
        {"user", user},
        {"password", password},
        {"ca_file", ca_file()}};
  };
  JsonArray clusters;
  JsonObject manager;
  for (const auto& port : ports_) {
    if (port->cluster == nullptr) {
      manager = access(*port, world_->config().user, world_->note("um.password"));
      continue;
    }
    JsonObject one{{"name", port->cluster->name}, {"uuid", port->cluster->uuid}};
    for (auto& [key, value] : access(*port, port->cluster->user, port->cluster->password)) {
      one[key] = value;
    }
    clusters.emplace_back(std::move(one));
  }
  return {
      {"clusters", std::move(clusters)},
      {"unified_manager", std::move(manager)},
      {"oauth2",
       {{"token_url", fmt::format("https://{}:{}/oauth2/token", options_.address, manager_port())},
        {"client_id", world_->config().oauth2.client_id},
        {"client_secret", world_->note("oauth2.secret")},
        {"ca_file", ca_file()}}},
      {"client_certificate", options_.folder + "/client.pem"},
      {"client_key", options_.folder + "/client.key"},
      {"mounts", *parse_json(last_mounts_)}};
}

Status Service::write_endpoints() {
  return env::write_file_atomically(options_.folder + "/endpoints.json",
                                    to_pretty_text(Json(endpoints())), 0600);
}

std::uint16_t Service::port_of(const Cluster& cluster) const {
  for (const auto& port : ports_) {
    if (port->cluster == &cluster) {
      return port->number;
    }
  }
  return 0;
}

std::uint16_t Service::manager_port() const { return ports_.front()->number; }

Status Service::change_certificates() {
  HF_TRY_VOID(make_certificates(true));
  const std::lock_guard hold(ports_mutex_);
  for (const auto& port : ports_) {
    if (port->server) {  // one that is down stays so
      port->server->stop();
      port->server.reset();
      HF_TRY_VOID(listen(*port));
    }
  }
  return {};
}

Status Service::set_reachable(const std::string& name, bool reachable) {
  const std::lock_guard hold(ports_mutex_);
  for (const auto& port : ports_) {
    if (name != (port->cluster ? port->cluster->name : "um")) {
      continue;
    }
    if (reachable && !port->server) {
      return listen(*port);
    }
    if (!reachable && port->server) {
      port->server->stop();
      port->server.reset();
    }
    return {};
  }
  return Error(Code::kNotFound, "there is no cluster of this name").with("name", name);
}

}  // namespace holdfast::ontap_sim

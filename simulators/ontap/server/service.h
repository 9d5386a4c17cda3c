// The running simulator: TLS, ports, authentication, endpoints.json.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/async/pool.h"
#include "core/net/certificate.h"
#include "core/net/server.h"
#include "simulators/ontap/ctl/bite.h"
#include "simulators/ontap/ctl/control.h"
#include "simulators/ontap/model/world.h"
#include "simulators/ontap/rest/dispatch.h"

namespace holdfast::ontap_sim {

struct ServiceOptions {
  std::string folder;
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;  // of the Unified Manager; 0: the one of the last start, else any
  Config config;
};

class Service {
 public:
  // Listens on every port and then writes FOLDER/endpoints.json.
  static Result<std::unique_ptr<Service>> start(ServiceOptions options, env::Clock& clock,
                                                env::Random& random);
  ~Service();

  World& world() { return *world_; }
  std::uint16_t port_of(const Cluster& cluster) const;
  std::uint16_t manager_port() const;
  // The file of the authority that signed every server's certificate.
  std::string ca_file() const { return options_.folder + "/ca.pem"; }
  // New certificates of a new authority, on the same ports.
  Status change_certificates();
  // Closes or opens a cluster's port ("um": the manager's): a connection is refused meanwhile.
  Status set_reachable(const std::string& name, bool reachable);

 private:
  Service(ServiceOptions options, env::Clock& clock);
  struct Port;
  Status open(env::Random& random);
  Status make_certificates(bool anew);
  Status listen(Port& port);
  Status write_endpoints();
  JsonObject endpoints();
  // One call on its way: who is asked, by which route, and what became of it.
  struct Handled {
    Prepared prepared = {};
    Cluster* cluster = nullptr;
    Dispatch what = {};
    std::string name = {};   // of the cluster, or "um"
    std::string route = {};  // direct, gateway, manager
    std::string path = {};   // without /api and the gateway's prefix
  };
  Handled place(Port& port, const std::shared_ptr<const net::HttpRequest>& request);
  void handle(Port& port, Handled& call);
  net::HttpReply answer_control(const net::HttpRequest& request,
                                const std::vector<std::string>& segments);
  async::Co<net::HttpReply> answer(Port* port, std::shared_ptr<const net::HttpRequest> request);
  async::Co<net::HttpReply> carry_out(Port* port, std::shared_ptr<Handled> call);
  void log_call(const Handled& call, const net::HttpReply& reply, const std::string& fault,
                MonoTime started);

  ServiceOptions options_;
  env::Clock& clock_;
  env::Random* random_ = nullptr;
  std::unique_ptr<World> world_;
  std::unique_ptr<async::Pool> network_;
  std::unique_ptr<async::Pool> handlers_;
  std::vector<std::unique_ptr<Port>> ports_;
  std::mutex ports_mutex_;
  std::string last_mounts_;
  std::string control_token_;
  std::unique_ptr<CallLog> log_;
};

}  // namespace holdfast::ontap_sim

#include "drivers/storage/ontap/testing/simulator.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "core/base/check.h"
#include "core/env/posix/atomic_file.h"
#include "core/env/posix/process.h"
#include "drivers/storage/btrfs/loop_mount.h"

namespace holdfast::storage::ontap::testing {
namespace {

namespace fs = std::filesystem;

// The program beside this one, or where HOLDFAST_ONTAP_SIM says.
std::string find_program() {
  if (const char* named = ::getenv("HOLDFAST_ONTAP_SIM")) {
    return named;
  }
  std::error_code failure;
  const fs::path self = fs::read_symlink("/proc/self/exe", failure);
  for (fs::path folder = self.parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    if (fs::exists(folder / "ontap-sim", failure)) {
      return (folder / "ontap-sim").string();
    }
  }
  return {};
}

bool is_required() {
  const char* required = ::getenv("HOLDFAST_REQUIRE");
  return required != nullptr && std::string(required).find("netapp") != std::string::npos;
}

}  // namespace

Simulator& Simulator::instance() {
  static Simulator simulator;
  return simulator;
}

Simulator::Simulator() : program_(find_program()) {
  if (program_.empty()) {
    unavailable_ = "the program ontap-sim is not built";
    HF_CHECK(!is_required(), "HOLDFAST_REQUIRE names netapp, and ontap-sim is built");
    return;
  }
  on_btrfs_ = LoopMount::instance().unavailable().empty();
  const fs::path place =
      on_btrfs_ ? fs::path(LoopMount::instance().path()) : fs::temp_directory_path();
  std::string pattern = (place / "holdfast-ontap-XXXXXX").string();
  data_ = ::mkdtemp(pattern.data());
  const std::string config = data_ + ".yaml";
  const Status written =
      env::write_file_atomically(config,
                                 "job_time: 30ms\ntransfer_time: 60ms\nscheduler: false\n"
                                 "users:\n  - {name: reader, password: reading, role: readonly}\n"
                                 "  - name: narrow\n    password: narrow\n    privileges:\n"
                                 "      - {path: /api, access: all}\n"
                                 "      - {path: /api/snapmirror, access: none}\n"
                                 "      - {path: /api/storage/volumes, access: readonly}\n",
                                 0600);
  HF_CHECK(written.has_value(), "the simulator's configuration can be written");
  process_ = ::fork();
  if (process_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int log = ::open((data_ + ".log").c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(log, STDOUT_FILENO);
    ::dup2(log, STDERR_FILENO);
    ::execl(program_.c_str(), program_.c_str(), "--data", data_.c_str(), "--listen", "127.0.0.1:0",
            "--config", config.c_str(), nullptr);
    ::_exit(127);
  }
  const std::string file = data_ + "/endpoints.json";
  while (!fs::exists(file)) {
    int status = 0;
    HF_CHECK(::waitpid(process_, &status, WNOHANG) == 0, "the simulator starts");
    ::usleep(10'000);
  }
  const auto text = env::read_small_file(file);
  HF_CHECK(text.has_value(), "the simulator's endpoints can be read");
  endpoints_ = parse_json(*text).value_or(Json());
}

Simulator::~Simulator() {
  if (process_ > 0) {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
    std::error_code ignored;
    if (const char* kept = ::getenv("HOLDFAST_ONTAP_CALLS")) {  // for tools/ontap_calls.py
      fs::copy_file(data_ + "/calls.jsonl", kept, fs::copy_options::overwrite_existing, ignored);
    }
    fs::remove_all(data_, ignored);
    fs::remove(data_ + ".log", ignored);
    fs::remove(data_ + ".yaml", ignored);
  }
}

int Simulator::clusters() const {
  return static_cast<int>(find(endpoints_, "clusters")->get_array().size());
}

Endpoint Simulator::endpoint_of(const Json& described, SystemKind kind) const {
  Endpoint endpoint;
  endpoint.name = get_string(described, "name", "um");
  endpoint.kind = kind;
  endpoint.base_url = get_string(described, "base_url");
  endpoint.user = get_string(described, "user");
  endpoint.password = SecretString(get_string(described, "password"));
  endpoint.tls.ca_file = get_string(described, "ca_file");
  for (int i = 0; i < clusters(); ++i) {
    endpoint.mounts[cluster_name(i) + "/" + svm(i) + ":/"] =
        data_ + "/" + cluster_name(i) + "/" + svm(i);
  }
  return endpoint;
}

Endpoint Simulator::cluster(int number) const {
  return endpoint_of(find(endpoints_, "clusters")->get_array()[static_cast<size_t>(number)],
                     SystemKind::kCluster);
}

Endpoint Simulator::unified_manager() const {
  return endpoint_of(*find(endpoints_, "unified_manager"), SystemKind::kUnifiedManager);
}

std::unique_ptr<Client> Simulator::admin(env::Clock& clock, int number) const {
  const Endpoint endpoint = cluster(number);
  net::ClientOptions options;
  options.tls = endpoint.tls;
  auto http = net::HttpClient::create(clock, options);
  HF_CHECK(http.has_value(), "an HTTP client can be made");
  auto credentials = Credentials::create(clock, endpoint);
  HF_CHECK(credentials.has_value(), "the credentials can be used");
  return std::make_unique<Client>(
      Route{clock, *std::move(http), *std::move(credentials), endpoint.base_url},
      ClientSettings{.peer = "the test's own cluster", .application = "test"});
}

std::string Simulator::cluster_name(int number) const {
  return get_string(find(endpoints_, "clusters")->get_array()[static_cast<size_t>(number)], "name");
}

std::string Simulator::svm(int number) const { return "svm" + std::to_string(number + 1); }

OAuth2 Simulator::oauth2() const {
  const Json* found = find(endpoints_, "oauth2");
  HF_CHECK(found != nullptr, "the simulator has an authorization server");
  return {.token_url = get_string(*found, "token_url"),
          .client_id = get_string(*found, "client_id"),
          .client_secret = SecretString(get_string(*found, "client_secret")),
          .scope = "",
          .ca_file = get_string(*found, "ca_file")};
}

std::string Simulator::client_certificate() const {
  return get_string(endpoints_, "client_certificate");
}

std::string Simulator::client_key() const { return get_string(endpoints_, "client_key"); }

std::string Simulator::control(const std::string& words) const {
  const auto done = env::run_shell(program_ + " ctl " + words + " --data " + data_, {});
  HF_CHECK(done.has_value(), "the simulator's control runs");
  return done->output;
}

}  // namespace holdfast::storage::ontap::testing

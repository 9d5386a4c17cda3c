// The server that the tests of this folder talk to.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "core/async/run.h"
#include "core/env/posix/system_clock.h"
#include "flow/temporal/call.h"
#include "flow/temporal/proto/service.pb.h"
#include "flow/temporal/testing/dev_server.h"

namespace holdfast::flow::temporal {

std::string dev_server_program() {
  if (const char* named = std::getenv("HOLDFAST_TEMPORAL_CLI")) {
    return named;
  }
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const std::string base = cache ? cache : std::string(home ? home : "") + "/.cache";
  return base + "/holdfast/bin/temporal-v1.5.1";
}

namespace {

int free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  const bool bound = ::bind(socket, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(socket);
  return bound ? ntohs(address.sin_port) : 0;
}

class DevServer {
 public:
  DevServer() {
    if (::access(dev_server_program().c_str(), X_OK) != 0) {
      problem_ = "no Temporal server at " + dev_server_program() +
                 "; './dev test' builds it where Go 1.25 is";
      return;
    }
    std::string pattern = testing::TempDir() + "/holdfast-temporal-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    const int port = free_port();
    start(port);
    address_ = "127.0.0.1:" + std::to_string(port);
    if (!answers()) {
      problem_ = "the Temporal server did not come up; its log is " + directory_ + "/log";
      address_.clear();
    }
  }
  ~DevServer() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    if (!directory_.empty() && problem_.empty()) {
      std::filesystem::remove_all(directory_);
    }
  }

  std::string address_;
  std::string problem_;

 private:
  void start(int port) {
    const std::string file = dev_server_program();
    const std::string text = std::to_string(port);
    const std::string database = directory_ + "/temporal.db";
    const std::string log = directory_ + "/log";
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int out = ::open(log.c_str(), O_CREAT | O_WRONLY, 0600);
      ::dup2(out, 1);
      ::dup2(out, 2);
      ::execl(file.c_str(), "temporal", "server", "start-dev", "--headless", "--port", text.c_str(),
              "--db-filename", database.c_str(), "--log-level", "error", nullptr);
      ::_exit(127);
    }
  }

  // Until the namespace is there too.
  bool answers() const {
    env::SystemClock clock;
    Options options;
    options.address = address_;
    const auto connection = Connection::open(clock, options);
    const Caller caller(**connection, clock);
    ::temporal::api::workflowservice::v1::DescribeNamespaceRequest request;
    request.set_namespace_("default");
    for (int i = 0; i < 600; ++i) {
      if (call_blocking<::temporal::api::workflowservice::v1::DescribeNamespaceResponse>(
              caller, "DescribeNamespace", request, {},
              {.deadline = std::chrono::seconds(2), .repeats = 0})) {
        return true;
      }
      async::wait_blocking(clock, std::chrono::milliseconds(100), {});
    }
    return false;
  }

  std::string directory_;
  pid_t process_ = -1;
};

DevServer& server() {
  static DevServer instance;
  return instance;
}

}  // namespace

const std::string& dev_server() { return server().address_; }
const std::string& dev_server_problem() { return server().problem_; }

}  // namespace holdfast::flow::temporal

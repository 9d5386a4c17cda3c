// ontap-sim: an ONTAP and Active IQ Unified Manager simulator with real files behind its volumes.
#include <fmt/core.h>
#include <signal.h>

#include <cstdio>

#include "core/base/log.h"
#include "core/env/posix/atomic_file.h"
#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "simulators/ontap/ctl/command.h"
#include "simulators/ontap/server/arguments.h"
#include "simulators/ontap/server/service.h"

namespace {

using namespace holdfast;

int fail(const Error& error) {
  fmt::print(stderr, "ontap-sim: {}\n", error.to_string());
  return 2;
}

int serve(const ontap_sim::Arguments& arguments) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  env::SystemClock clock;
  env::SystemRandom random;
  auto started = ontap_sim::Service::start(arguments.service, clock, random);
  if (!started) {
    return fail(started.error());
  }
  const auto& service = *started;
  fmt::print("unified manager https://{}:{}\n", arguments.service.address, service->manager_port());
  for (const auto& cluster : service->world().clusters()) {
    fmt::print("cluster {} https://{}:{}\n", cluster->name, arguments.service.address,
               service->port_of(*cluster));
  }
  fmt::print("endpoints {}/endpoints.json\n", arguments.service.folder);
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const auto arguments = ontap_sim::parse_arguments({argv + 1, argv + argc});
  if (!arguments) {
    return fail(arguments.error());
  }
  if (arguments->help) {
    fmt::print("{}", arguments->ctl.front().empty() ? ontap_sim::usage() : ontap_sim::ctl_usage());
    return 0;
  }
  return arguments->ctl.empty() ? serve(*arguments)
                                : ontap_sim::run_ctl(arguments->service.folder, arguments->ctl);
}

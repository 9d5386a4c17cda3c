// The `holdfast` program: the command line, the server behind `holdfast serve`, and the agent
// behind `holdfast agent run`.
#include "daemon/server.h"
#include "edge/agent/agent.h"
#include "edge/cli/cli.h"

namespace {

int serve(const holdfast::cli::ServeOptions& options) {
  holdfast::daemon::Options server;
  server.data_dir = options.data_dir;
  server.listen_address = options.listen_address;
  server.port = options.port;
  server.reset_admin = options.reset_admin;
  server.certificate_file = options.certificate_file;
  server.private_key_file = options.private_key_file;
  server.config_file = options.config_file;
  return holdfast::daemon::serve(server);
}

int run_agent(const holdfast::cli::AgentOptions& options) {
  holdfast::agent::Options agent;
  agent.server = options.server;
  agent.token_file = options.token_file;
  agent.ca_file = options.ca_file;
  agent.data_dir = options.data_dir;
  agent.config_file = options.config_file;
  agent.places = options.places;
  agent.repository_texts = options.repositories;
  return holdfast::agent::run(agent);
}

}  // namespace

int main(int argc, char** argv) { return holdfast::cli::run(argc, argv, {serve, run_agent}); }

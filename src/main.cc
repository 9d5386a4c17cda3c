// The `holdfast` program: the command line, and the server behind `holdfast serve`.
#include "daemon/server.h"
#include "edge/cli/cli.h"

int main(int argc, char** argv) {
  return holdfast::cli::run(argc, argv, [](const holdfast::cli::ServeOptions& options) {
    holdfast::daemon::Options server;
    server.data_dir = options.data_dir;
    server.listen_address = options.listen_address;
    server.port = options.port;
    server.reset_admin = options.reset_admin;
    server.certificate_file = options.certificate_file;
    server.private_key_file = options.private_key_file;
    server.config_file = options.config_file;
    return holdfast::daemon::serve(server);
  });
}

// A real Temporal server for tests: `temporal server start-dev` on a free port, one per process.
#pragma once

#include <string>

namespace holdfast::flow::temporal {

// "127.0.0.1:PORT" of the server of this process, started at the first call; empty when there is no
// program for it. It ends with the process.
const std::string& dev_server();
// Temporal's command line, which is also the server.
std::string dev_server_program();
// Why there is none.
const std::string& dev_server_problem();

}  // namespace holdfast::flow::temporal

// Skips the test where the server is not built; HOLDFAST_REQUIRE=temporal makes that a failure.
#define HF_NEEDS_TEMPORAL()                                                  \
  if (dev_server().empty()) {                                                \
    const char* required = std::getenv("HOLDFAST_REQUIRE");                  \
    if (required && std::string_view(required).contains("temporal")) {       \
      FAIL() << "HOLDFAST_REQUIRE names temporal: " << dev_server_problem(); \
    }                                                                        \
    GTEST_SKIP() << dev_server_problem();                                    \
  }

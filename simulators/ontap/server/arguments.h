// The command line of ontap-sim.
#pragma once

#include <string>
#include <vector>

#include "simulators/ontap/server/service.h"

namespace holdfast::ontap_sim {

struct Arguments {
  ServiceOptions service;
  bool help = false;
  std::vector<std::string> ctl;  // the words of `ctl`; empty: serve
};

std::string usage();
// kInvalidArgument: one sentence about what is wrong and what to write.
Result<Arguments> parse_arguments(const std::vector<std::string>& words);

}  // namespace holdfast::ontap_sim

// `ontap-sim ctl ...`: the client of the control API.
#pragma once

#include <string>
#include <vector>

namespace holdfast::ontap_sim {

// Runs one command against the simulator whose data lie in `folder`; prints, and gives the exit
// code.
int run_ctl(const std::string& folder, const std::vector<std::string>& words);
std::string ctl_usage();

}  // namespace holdfast::ontap_sim

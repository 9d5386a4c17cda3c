#include "edge/cli/command.h"

#include <fmt/core.h>

namespace holdfast::cli {

std::string Arguments::get(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() || found->second.empty() ? "" : found->second.back();
}

std::vector<std::string> Arguments::all(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

Result<JsonObject> labels_of(const Arguments& arguments) {
  JsonObject labels;
  for (const std::string& label : arguments.all("--label")) {
    const size_t equals = label.find('=');
    if (equals == std::string::npos) {
      return Error(Code::kInvalidArgument, fmt::format("--label '{}' is no NAME=VALUE", label));
    }
    labels[label.substr(0, equals)] = label.substr(equals + 1);
  }
  return labels;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> made;
    for (std::vector<Command> part :
         {protection_commands(), point_commands(), run_commands(), schedule_commands(),
          agent_commands(), system_commands(), server_commands()}) {
      made.insert(made.end(), part.begin(), part.end());
    }
    return made;
  }();
  return all;
}

}  // namespace holdfast::cli

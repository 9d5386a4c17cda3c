#include "simulators/ontap/server/arguments.h"

#include <fmt/core.h>

#include <charconv>
#include <filesystem>

#include "core/env/posix/atomic_file.h"

namespace holdfast::ontap_sim {
namespace {

Error wrong(std::string message) { return Error(Code::kInvalidArgument, std::move(message)); }

Status parse_listen(const std::string& text, ServiceOptions& options) {
  const size_t colon = text.rfind(':');
  unsigned port = 0;
  const char* end = text.data() + text.size();
  if (colon == std::string::npos || colon == 0 ||
      std::from_chars(text.data() + colon + 1, end, port).ptr != end || port > 65535) {
    return wrong(
        fmt::format("'{}' is no address to listen on: write 127.0.0.1:PORT (port 0: any)", text));
  }
  options.address = text.substr(0, colon);
  options.port = static_cast<std::uint16_t>(port);
  return {};
}

}  // namespace

std::string usage() {
  return "ontap-sim --data DIR --listen 127.0.0.1:PORT [--config FILE]\n"
         "  serves a Unified Manager on PORT and ONTAP clusters on ports of their own; "
         "DIR/endpoints.json\n"
         "  says where they are. Port 0: the one of the last start, else any.\n"
         "ontap-sim ctl faults|count|log|certificate|gateway|password|token|attack ... --data DIR\n"
         "  scripts faults, counts objects, shows every call; ontap-sim ctl --help says more.\n";
}

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments out;
  out.service.config = default_config();
  const bool ctl = !words.empty() && words.front() == "ctl";
  for (size_t i = ctl ? 1 : 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--help" || word == "-h") {
      out.help = true;
      out.ctl.emplace_back(ctl ? "help" : "");
      return out;
    }
    if (ctl && !word.starts_with("--")) {
      out.ctl.push_back(word);
      continue;
    }
    if (word != "--data" && word != "--listen" && word != "--config") {
      return wrong(fmt::format("there is no option '{}'; ontap-sim --help lists them", word));
    }
    if (i + 1 == words.size()) {
      return wrong(fmt::format("{} needs a value", word));
    }
    const std::string& value = words[++i];
    if (word == "--data") {
      std::error_code failure;
      out.service.folder = std::filesystem::absolute(value, failure).lexically_normal();
    } else if (word == "--config") {
      HF_TRY(const std::string text, env::read_small_file(value));
      HF_TRY(out.service.config, parse_config(text));
    } else {
      HF_TRY_VOID(parse_listen(value, out.service));
    }
  }
  if (ctl && out.ctl.empty()) {
    return wrong("ctl needs a command; ontap-sim ctl --help lists them");
  }
  if (out.service.folder.empty()) {
    return wrong("--data DIR is needed: where the simulator keeps its volumes and its state");
  }
  return out;
}

}  // namespace holdfast::ontap_sim

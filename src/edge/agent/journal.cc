#include "edge/agent/journal.h"

#include <unistd.h>

#include <filesystem>

#include "core/base/log.h"
#include "core/crypto/digest.h"
#include "core/env/posix/atomic_file.h"

namespace holdfast::agent {
namespace {

constexpr std::string_view kSuffix = ".task";

}  // namespace

Journal::Journal(std::string directory) : directory_(std::move(directory)) {
  if (!directory_.empty()) {
    if (const Status made = env::make_directories(directory_, 0700); !made) {
      log_warn("agent.journal_failed", {{"error", made.error().to_string()}});
    }
  }
}

std::string Journal::path_of(const std::string& token) const {
  return directory_ + "/" + crypto::sha256_hex(as_bytes(token)).substr(0, 32) +
         std::string(kSuffix);
}

void Journal::add(const std::string& token) const {
  if (directory_.empty()) {
    return;
  }
  if (const Status kept = env::write_file_atomically(path_of(token), token, 0600); !kept) {
    log_warn("agent.journal_failed", {{"error", kept.error().to_string()}});
  }
}

void Journal::remove(const std::string& token) const {
  if (!directory_.empty()) {
    ::unlink(path_of(token).c_str());
  }
}

std::vector<std::string> Journal::left_over() const {
  std::vector<std::string> tokens;
  std::error_code failure;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, failure)) {
    if (!entry.path().string().ends_with(kSuffix)) {
      continue;
    }
    auto token = env::read_small_file(entry.path().string());
    if (token && path_of(*token) == entry.path().string()) {
      tokens.push_back(*std::move(token));
    } else {
      std::filesystem::remove(entry.path(), failure);  // no task's
    }
  }
  return tokens;
}

}  // namespace holdfast::agent

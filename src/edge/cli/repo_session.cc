#include "edge/cli/repo_session.h"

#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

#include "edge/cli/display.h"
#include "engine/blob/open_store.h"

namespace holdfast::cli {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string first_of(std::initializer_list<std::string> choices) {
  for (const std::string& choice : choices) {
    if (!choice.empty()) {
      return choice;
    }
  }
  return "";
}

// Without the line end that editors add.
Result<SecretString> password_in(env::FileSystem& files, const std::string& path) {
  HF_TRY(const Buffer bytes, env::read_file(files, path, 1u << 16));
  std::string text(as_text(bytes));
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) {
    text.pop_back();
  }
  return SecretString(std::move(text));
}

}  // namespace

Result<std::string> RepoSession::location() const {
  const std::string found =
      first_of({args.get("repo"), variable("HOLDFAST_REPOSITORY"), variable("RESTIC_REPOSITORY")});
  if (found.empty()) {
    return Error(Code::kInvalidArgument,
                 "no repository is named; give -r DIRECTORY or set RESTIC_REPOSITORY");
  }
  return found;
}

Result<SecretString> RepoSession::password(const std::string& prefix) {
  const std::string given = args.get(prefix + "password-file");
  if (!given.empty() || !prefix.empty()) {
    if (given.empty()) {
      return Error(Code::kInvalidArgument, fmt::format("--{}password-file is missing", prefix));
    }
    return password_in(files, given);
  }
  const std::string file =
      first_of({variable("HOLDFAST_PASSWORD_FILE"), variable("RESTIC_PASSWORD_FILE")});
  if (!file.empty()) {
    return password_in(files, file);
  }
  const std::string text = first_of({variable("HOLDFAST_PASSWORD"), variable("RESTIC_PASSWORD")});
  if (text.empty()) {
    return Error(Code::kWrongPassword,
                 "no password is given; use --password-file FILE or set RESTIC_PASSWORD_FILE");
  }
  return SecretString(text);
}

Result<std::unique_ptr<repo::Repository>> RepoSession::open_at(const std::string& location,
                                                               const SecretString& password) {
  HF_TRY(auto store, blob::open_store(location, files, random));
  return repo::Repository::open(std::move(store), password, repo::this_process(clock, random));
}

Result<std::unique_ptr<repo::Repository>> RepoSession::init_at(const std::string& location,
                                                               const SecretString& password,
                                                               repo::InitOptions options) {
  HF_TRY(auto store, blob::open_store(location, files, random));
  return repo::Repository::init(std::move(store), password, repo::this_process(clock, random),
                                options);
}

Status RepoSession::open() {
  HF_TRY(const std::string where, location());
  HF_TRY(const SecretString secret, password());
  HF_TRY(repository, open_at(where, secret));
  return {};
}

void RepoSession::print(const std::string& line) const { fmt::print("{}\n", printable(line)); }

void RepoSession::print_json(const Json& value) const {
  fmt::print("{}\n", to_text(value));
  static_cast<void>(std::fflush(stdout));  // whoever reads a pipe wants each line now
}

void RepoSession::warn(const std::string& line) const {
  fmt::print(stderr, "{}\n", printable(line));
}

Result<std::vector<repo::Snapshot>> RepoSession::snapshots_of_words(std::size_t first) {
  std::vector<repo::Snapshot> found;
  for (std::size_t i = first; i < args.words.size(); ++i) {
    HF_TRY(repo::Snapshot snapshot, repository->find_snapshot(args.words[i]));
    found.push_back(std::move(snapshot));
  }
  return found;
}

JsonObject snapshot_json(const repo::Snapshot& snapshot) {
  JsonObject object;
  if (auto parsed = parse_json(to_json(snapshot))) {
    object = parsed->as_object();
  }
  object["id"] = snapshot.id.hex();
  object["short_id"] = snapshot.id.short_hex();
  return object;
}

}  // namespace holdfast::cli

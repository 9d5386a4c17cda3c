#include "edge/agent/options.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/yaml.h"
#include "core/env/posix/atomic_file.h"
#include "core/net/url.h"

namespace holdfast::agent {
namespace {

std::string field_of(std::string_view pointer) {
  std::string field(pointer.starts_with('/') ? pointer.substr(1) : pointer);
  std::ranges::replace(field, '/', '.');
  return field.empty() ? "the document" : field;
}

void read_repositories(ObjectReader& reader, Options& options, std::vector<Problem>& problems) {
  const Json* list = reader.value("repositories");
  if (list == nullptr || list->is_null()) {
    return;
  }
  if (!list->is_array()) {
    reader.problem("repositories", "must be a list");
    return;
  }
  for (size_t i = 0; i < list->get_array().size(); ++i) {
    ObjectReader item(list->get_array()[i], fmt::format("/repositories/{}", i), problems);
    activities::RepositoryRef repository;
    repository.name = item.string("name");
    repository.location = item.string("location");
    repository.password_file = item.string("password_file");
    item.reject_unknown();
    options.repositories.push_back(std::move(repository));
  }
}

// The first that says something.
void prefer(std::string& value, std::string other) {
  value = value.empty() ? std::move(other) : value;
}

Error missing(std::string_view what, std::string_view option, std::string_view variable) {
  return Error(Code::kInvalidArgument,
               fmt::format("{} is missing: give {}{}{}, or name it in the configuration file", what,
                           option, variable.empty() ? "" : " or set ", variable));
}

}  // namespace

Result<Options> parse_options(std::string_view text, const std::string& file) {
  const auto documents = parse_yaml(text);
  if (!documents) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{}: {}", file, documents.error().to_string()));
  }
  Options options;
  if (documents->empty() || documents->front().value.is_null()) {
    return options;
  }
  const YamlDocument& document = documents->front();
  std::vector<Problem> problems;
  ObjectReader reader(document.value, "", problems);
  options.server = reader.string_or("server", "");
  options.token_file = reader.string_or("token_file", "");
  options.ca_file = reader.string_or("ca_file", "");
  options.data_dir = reader.string_or("data", "");
  const std::int64_t places = reader.integer_or("places", 0);
  if (reader.has("places") && (places < 1 || places > kMostPlaces)) {
    reader.problem("places", fmt::format("must be from 1 to {}", kMostPlaces));
  }
  options.places = static_cast<int>(places);
  read_repositories(reader, options, problems);
  reader.reject_unknown();
  if (problems.empty()) {
    return options;
  }
  const auto line = [&document](const Problem& problem) {
    return document.position_of(problem.pointer).line;
  };
  const Problem& first = *std::ranges::min_element(problems, {}, line);
  return Error(Code::kInvalidArgument, fmt::format("{}, line {}, {}: {}", file, line(first),
                                                   field_of(first.pointer), first.message));
}

Result<activities::RepositoryRef> parse_repository(std::string_view text) {
  const size_t equals = text.find('=');
  const size_t comma = text.rfind(',');
  if (equals == std::string_view::npos || comma == std::string_view::npos || comma < equals ||
      equals == 0 || comma == equals + 1 || comma + 1 == text.size()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("--repository '{}' is no NAME=LOCATION,PASSWORD_FILE", text));
  }
  activities::RepositoryRef repository;
  repository.name = text.substr(0, equals);
  repository.location = text.substr(equals + 1, comma - equals - 1);
  repository.password_file = text.substr(comma + 1);
  return repository;
}

Result<Options> complete_options(Options given, std::string (*environment)(const char*)) {
  Options file;
  if (!given.config_file.empty()) {
    HF_TRY(const std::string text, env::read_small_file(given.config_file));
    HF_TRY(file, parse_options(text, given.config_file));
  }
  prefer(given.server, environment("HOLDFAST_SERVER"));
  prefer(given.server, file.server);
  prefer(given.token_file, environment("HOLDFAST_TOKEN_FILE"));
  prefer(given.token_file, file.token_file);
  prefer(given.ca_file, environment("HOLDFAST_CA_FILE"));
  prefer(given.ca_file, file.ca_file);
  prefer(given.data_dir, file.data_dir);
  given.places = given.places > 0 ? given.places : std::max(file.places, 0);
  given.places = given.places > 0 ? given.places : 2;
  for (const std::string& text : given.repository_texts) {
    HF_TRY(activities::RepositoryRef repository, parse_repository(text));
    given.repositories.push_back(std::move(repository));
  }
  for (const activities::RepositoryRef& repository : file.repositories) {
    const bool known =
        std::any_of(given.repositories.begin(), given.repositories.end(),
                    [&](const auto& other) { return other.name == repository.name; });
    if (!known) {
      given.repositories.push_back(repository);
    }
  }
  if (given.server.empty()) {
    return missing("the server's address", "--server URL", "HOLDFAST_SERVER");
  }
  if (given.token_file.empty()) {
    return missing("the file with the agent's key", "--token-file FILE", "HOLDFAST_TOKEN_FILE");
  }
  if (given.data_dir.empty()) {
    return missing("the agent's directory", "--data DIR", "");
  }
  if (given.places > kMostPlaces) {
    return Error(Code::kInvalidArgument, fmt::format("--places must be from 1 to {}", kMostPlaces));
  }
  HF_TRY(given.server, net::server_address(given.server));
  return given;
}

}  // namespace holdfast::agent

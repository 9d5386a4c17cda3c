#include "daemon/config.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/yaml.h"
#include "core/db/postgres.h"
#include "core/env/posix/atomic_file.h"

namespace holdfast::daemon {
namespace {

// "/flow/temporal/address" -> "flow.temporal.address".
std::string field_of(std::string_view pointer) {
  std::string field(pointer.starts_with('/') ? pointer.substr(1) : pointer);
  std::ranges::replace(field, '/', '.');
  return field.empty() ? "the document" : field;
}

void read_tls(ObjectReader& temporal, flow::temporal::TlsOptions& tls,
              std::vector<Problem>& problems) {
  const Json* value = temporal.value("tls");
  if (!temporal.has("tls")) {
    return;
  }
  tls.on = true;
  if (value == nullptr || value->is_null()) {
    return;
  }
  if (value->is_bool()) {
    tls.on = value->get_bool();
    return;
  }
  ObjectReader reader(*value, temporal.pointer_to("tls"), problems);
  tls.ca_file = reader.string_or("ca", "");
  tls.certificate_file = reader.string_or("cert", "");
  tls.key_file = reader.string_or("key", "");
  tls.server_name = reader.string_or("server_name", "");
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    reader.problem(tls.key_file.empty() ? "cert" : "key", "cert and key are given together");
  }
  reader.reject_unknown();
}

void read_temporal(ObjectReader& flow, flow::temporal::Options& options,
                   std::vector<Problem>& problems) {
  const Json* value = flow.value("temporal");
  if (value == nullptr || value->is_null()) {
    return;
  }
  ObjectReader reader(*value, flow.pointer_to("temporal"), problems);
  options.address = reader.string_or("address", options.address);
  options.name_space = reader.string_or("namespace", options.name_space);
  options.task_queue = reader.string_or("task_queue", options.task_queue);
  options.api_key_file = reader.string_or("api_key_file", "");
  read_tls(reader, options.tls, problems);
  if (!options.address.contains(':')) {
    reader.problem("address", "must be HOST:PORT such as 127.0.0.1:7233");
  }
  if (options.task_queue.empty()) {
    reader.problem("task_queue", "must not be empty");
  }
  if (!options.api_key_file.empty() && !options.tls.on) {
    reader.problem("api_key_file", "an API key is sent over TLS only; add a tls section");
  }
  reader.reject_unknown();
}

constexpr std::int64_t kMostPlaces = 256;

void read_queue(ObjectReader& queues, const std::string& name, Config& config,
                std::vector<Problem>& problems) {
  const Json* value = queues.value(name);
  if (value == nullptr || value->is_null()) {
    return;
  }
  ObjectReader reader(*value, queues.pointer_to(name), problems);
  flow::embedded::QueueOptions& queue = config.embedded.queues[name];
  const std::int64_t places = reader.integer_or("places", queue.places);
  const std::int64_t rate = reader.integer_or("starts_per_second", 0);
  if (places < 1 || places > kMostPlaces) {
    reader.problem("places", fmt::format("must be 1 to {}", kMostPlaces));
  }
  if (rate < 0) {
    reader.problem("starts_per_second", "must be 0 (no limit) or more");
  }
  if (rate > 0 && config.engine == Config::Engine::kTemporal) {
    reader.problem("starts_per_second",
                   "is for the embedded engine; limit the task queue on the "
                   "Temporal server instead");
  }
  queue.places = static_cast<int>(places);
  queue.starts_per_second = static_cast<double>(rate);
  config.temporal.queues[name] = queue.places;
  reader.reject_unknown();
}

void read_retention(ObjectReader& reader, Config& config) {
  const Json* value = reader.value("retention");
  if (value == nullptr || value->is_null()) {
    return;
  }
  const std::string text = value->is_string() ? std::string(value->get_string()) : to_text(*value);
  const auto retention = text == "0" ? Result<Nanoseconds>(Nanoseconds(0)) : parse_duration(text);
  if (!retention || retention->count() < 0) {
    reader.problem("retention", fmt::format("'{}' is no duration: use 90d, 12h, or '0' to keep "
                                            "closed runs for ever",
                                            text));
  } else if (config.engine == Config::Engine::kTemporal) {
    reader.problem("retention",
                   "is for the embedded engine; set the retention of the namespace on "
                   "the Temporal server instead");
  } else {
    config.embedded.retention = *retention;
  }
}

void read_flow(const Json& value, Config& config, std::vector<Problem>& problems) {
  ObjectReader reader(value, "/flow", problems);
  const std::string engine = reader.string_or("engine", "embedded");
  if (engine == "temporal") {
    config.engine = Config::Engine::kTemporal;
  } else if (engine != "embedded") {
    reader.problem("engine", fmt::format("must be embedded or temporal, not '{}'", engine));
  }
  read_temporal(reader, config.temporal, problems);
  read_retention(reader, config);
  if (const Json* queues = reader.value("queues"); queues && !queues->is_null()) {
    ObjectReader names(*queues, reader.pointer_to("queues"), problems);
    read_queue(names, "control", config, problems);
    read_queue(names, "data", config, problems);
    names.reject_unknown();
  }
  reader.reject_unknown();
}

// A connection string may hold a password: no message repeats it.
void read_dsn(ObjectReader& reader, std::string_view key, Config& config) {
  config.postgres = SecretString(reader.string(key));
  if (const auto described = db::describe_postgres(config.postgres);
      !config.postgres.empty() && !described) {
    reader.problem(key, described.error().message());
  }
}

void read_state(const Json& value, Config& config, std::vector<Problem>& problems) {
  ObjectReader reader(value, "/state", problems);
  const Json* postgres = reader.value("postgres");
  if (postgres != nullptr && postgres->is_object()) {
    ObjectReader server(*postgres, reader.pointer_to("postgres"), problems);
    read_dsn(server, "dsn", config);
    config.postgres_password_file = server.string_or("password_file", "");
    server.reject_unknown();
  } else if (reader.has("postgres") && postgres != nullptr && !postgres->is_null()) {
    read_dsn(reader, "postgres", config);
  }
  const std::string durability = reader.string_or("durability", "full");
  if (durability == "normal") {
    config.durability = db::Durability::kNormal;
    if (!config.postgres.empty()) {
      reader.problem("durability",
                     "is for DIR/state.db; set synchronous_commit on the PostgreSQL "
                     "server instead");
    }
  } else if (durability != "full") {
    reader.problem("durability", fmt::format("must be full or normal, not '{}'", durability));
  }
  reader.reject_unknown();
}

Config usual_config() {
  Config config;
  config.embedded.retention = kUsualRetention;
  return config;
}

}  // namespace

Result<Config> parse_config(std::string_view text, const std::string& file) {
  const auto documents = parse_yaml(text);
  if (!documents) {
    return Error(Code::kInvalidArgument,
                 fmt::format("{}: {}", file, documents.error().to_string()));
  }
  Config config = usual_config();
  if (documents->empty() || documents->front().value.is_null()) {
    return config;
  }
  const YamlDocument& document = documents->front();
  std::vector<Problem> problems;
  ObjectReader reader(document.value, "", problems);
  if (const Json* flow = reader.value("flow"); flow && !flow->is_null()) {
    read_flow(*flow, config, problems);
  }
  if (const Json* state = reader.value("state"); state && !state->is_null()) {
    read_state(*state, config, problems);
  }
  reader.reject_unknown();
  if (problems.empty()) {
    return config;
  }
  const auto line = [&document](const Problem& problem) {
    return document.position_of(problem.pointer).line;
  };
  const Problem& first = *std::ranges::min_element(problems, {}, line);
  return Error(Code::kInvalidArgument, fmt::format("{}, line {}, {}: {}", file, line(first),
                                                   field_of(first.pointer), first.message));
}

Result<Config> load_config(const std::string& file) {
  if (file.empty()) {
    return usual_config();
  }
  HF_TRY(const std::string text, env::read_small_file(file));
  return parse_config(text, file);
}

}  // namespace holdfast::daemon

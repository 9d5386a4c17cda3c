// Decoding of policies. Two spellings are accepted: our own (`kind: policy`) and the requirements'
// scheduled_backup document, in which schedules and steps are lists of maps with one key each.
#include "domain/protect/policy.h"

#include "domain/schedule/retention.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

namespace holdfast::protect {
namespace {

struct SwitchRow {
  std::string_view phase;
  std::string_view name;
  bool Switches::* field;
};
constexpr std::array<SwitchRow, 8> kSwitches{{
    {"pre_backup_validation", "check_space", &Switches::check_space},
    {"pre_backup_validation", "verify_connectivity", &Switches::verify_connectivity},
    {"pre_backup_validation", "validate_snapmirror", &Switches::validate_snapmirror},
    {"execute_backup", "consistency_group", &Switches::consistency_group},
    {"execute_backup", "application_quiesce", &Switches::application_quiesce},
    {"post_backup_verification", "verify_integrity", &Switches::verify_integrity},
    {"post_backup_verification", "update_catalog", &Switches::update_catalog},
    {"post_backup_verification", "send_notifications", &Switches::send_notifications},
}};

// Calls visit(key, value, pointer) for each entry of a list of maps with one key each.
void for_each_named(const Json* list, const std::string& pointer, std::vector<Problem>& problems,
                    auto&& visit) {
  if (list == nullptr) {
    return;
  }
  if (!list->is_array()) {
    problems.push_back({pointer, "must be a list"});
    return;
  }
  for (size_t i = 0; i < list->get_array().size(); ++i) {
    const Json& item = list->get_array()[i];
    const std::string at = pointer + "/" + std::to_string(i);
    if (!item.is_object() || item.get_object().size() != 1) {
      problems.push_back({at, "must be one name with its settings, such as 'daily_backup:'"});
      continue;
    }
    const auto& entry = *item.get_object().begin();
    visit(std::string(entry.key()), entry.value(), at + "/" + std::string(entry.key()));
  }
}

constexpr std::array<std::string_view, 3> kOverlaps{"skip", "queue", "replace"};

Nanoseconds decode_duration(ObjectReader& reader, std::string_view key, Nanoseconds fallback) {
  const auto text = reader.optional_string(key);
  if (!text) {
    return fallback;
  }
  const auto duration = parse_duration(*text);
  if (!duration) {
    reader.problem(key, duration.error().message());
    return fallback;
  }
  return *duration;
}

FireRules decode_fire(ObjectReader& reader, FireRules rules) {
  const std::string overlap = reader.string_or("overlap", std::string(overlap_name(rules.overlap)));
  const auto found = std::find(kOverlaps.begin(), kOverlaps.end(), overlap);
  if (found == kOverlaps.end()) {
    reader.problem("overlap", "must be skip, queue or replace");
  } else {
    rules.overlap = static_cast<Overlap>(found - kOverlaps.begin());
  }
  rules.jitter = decode_duration(reader, "jitter", rules.jitter);
  rules.catch_up = decode_duration(reader, "catch_up", rules.catch_up);
  rules.paused = reader.boolean_or("paused", rules.paused);
  return rules;
}

// Takes the settings of firing out of `spec`, so that what is left is the calendar rule.
FireRules take_fire(JsonObject& spec, const std::string& pointer, const FireRules& fallback,
                    std::vector<Problem>& problems) {
  JsonObject own;
  for (const char* key : {"overlap", "jitter", "catch_up", "paused"}) {
    if (const Json* value = spec.if_contains(key)) {
      own[key] = *value;
      spec.erase(key);
    }
  }
  const Json settings(std::move(own));
  ObjectReader reader(settings, pointer, problems);
  return decode_fire(reader, fallback);
}

void decode_schedule(const std::string& label, const Json& value, const std::string& pointer,
                     Policy& policy, std::vector<Problem>& problems) {
  if (!value.is_object()) {
    problems.push_back({pointer, "must hold time, frequency or day, and retention"});
    return;
  }
  JsonObject spec = value.get_object();
  ScheduleEntry entry;
  entry.label = label;
  if (const Json* retention = spec.if_contains("retention"); retention != nullptr) {
    entry.retention =
        retention->is_string() ? std::string(retention->get_string()) : to_text(*retention);
    if (retention->is_null() || entry.retention == "0") {
      entry.retention.clear();
    }
    spec.erase("retention");
  }
  spec.erase("label");
  entry.fire = take_fire(spec, pointer, policy.fire, problems);
  if (!entry.retention.empty()) {
    if (const auto parsed = schedule::parse_retention(entry.retention); !parsed) {
      problems.push_back({pointer + "/retention", parsed.error().message()});
    }
  }
  auto rule = schedule::parse_rule(Json(spec));
  if (!rule) {
    problems.push_back({pointer, rule.error().to_string()});
    return;
  }
  entry.rule = *std::move(rule);
  policy.schedules.push_back(std::move(entry));
}

void decode_steps(const Json* steps, Policy& policy, std::vector<Problem>& problems) {
  for_each_named(steps, "/steps", problems,
                 [&](const std::string& phase, const Json& settings, const std::string& pointer) {
                   if (!settings.is_object()) {
                     problems.push_back({pointer, "must hold the phase's steps"});
                     return;
                   }
                   for (const auto& setting : settings.get_object()) {
                     const std::string name(setting.key());
                     const std::string at = pointer + "/" + name;
                     if (phase == "execute_backup" && name == "type") {
                       if (setting.value() != Json("snapshot")) {
                         problems.push_back({at, "the only backup type is 'snapshot'"});
                       }
                       continue;
                     }
                     bool known = false;
                     for (const SwitchRow& row : kSwitches) {
                       if (row.phase != phase || row.name != name) {
                         continue;
                       }
                       known = true;
                       if (setting.value().is_bool()) {
                         policy.switches.*row.field = setting.value().get_bool();
                       } else {
                         problems.push_back({at, "must be true or false"});
                       }
                     }
                     if (!known) {
                       problems.push_back({at, "is not a step of scheduled_backup"});
                     }
                   }
                 });
}

// CLUSTER/svm:volume, or STORE:/objstore for the cloud.
void check_destination(ObjectReader& entry, const Level& level) {
  if (level.destination.empty()) {
    return;
  }
  const bool store = level.destination.ends_with(":/objstore");
  const size_t slash = level.destination.find('/');
  const size_t colon = level.destination.find(':');
  const bool volume = slash != std::string::npos && slash > 0 && colon != std::string::npos &&
                      colon > slash + 1 && colon + 1 < level.destination.size();
  if (level.level == "local_snapshot") {
    entry.problem("destination", "a snapshot lies in its volume and has no destination");
  } else if (level.level == "cloud_backup" ? !store : store || !volume) {
    entry.problem("destination", level.level == "cloud_backup"
                                     ? "must be STORE:/objstore, with the name of an object store"
                                     : "must be CLUSTER/svm:volume");
  }
  if (!level.repository.empty()) {
    entry.problem("destination", "a level has a repository or a destination, not both");
  }
}

// An archive is what nobody can delete early: without a lock, or beside the copies that a shorter
// one holds, it would be none.
void check_archive(const Level& level, const std::string& pointer, std::vector<Problem>& problems) {
  if (level.level != "archive") {
    return;
  }
  if (level.lock.count() == 0) {
    problems.push_back(
        {pointer + "/lock", "an archive says how long nobody can delete its copies"});
  }
  if (level.destination.empty()) {
    problems.push_back(
        {pointer + "/destination", "an archive has a volume of its own: CLUSTER/svm:volume"});
  }
}

void decode_levels(ObjectReader& reader, Policy& policy, std::vector<Problem>& problems) {
  const Json* levels = reader.value("levels");
  if (levels == nullptr) {
    return;
  }
  if (!levels->is_array()) {
    reader.problem("levels", "must be a list");
    return;
  }
  policy.levels.clear();
  for (size_t i = 0; i < levels->get_array().size(); ++i) {
    const std::string pointer = "/levels/" + std::to_string(i);
    const Json& item = levels->get_array()[i];
    Level level;
    if (item.is_string()) {
      level.level = std::string(item.get_string());
    } else {
      ObjectReader entry(item, pointer, problems);
      level.level = entry.string("level");
      level.repository = entry.string_or("repository", "");
      level.destination = entry.string_or("destination", "");
      level.mirror_policy = entry.string_or("mirror_policy", "");
      level.transfer_schedule = entry.string_or("transfer_schedule", "");
      level.lock = decode_duration(entry, "lock", Nanoseconds(0));
      if (level.destination.empty() && !level.transfer_schedule.empty()) {
        entry.problem("transfer_schedule", "goes with a destination, whose relationship has it");
      }
      check_destination(entry, level);
      entry.reject_unknown();
    }
    check_archive(level, pointer, problems);
    constexpr std::array<std::string_view, 5> kLevels{"local_snapshot", "local_replica",
                                                      "remote_replica", "cloud_backup", "archive"};
    if (std::find(kLevels.begin(), kLevels.end(), level.level) == kLevels.end()) {
      problems.push_back(
          {pointer, fmt::format("this server offers no level '{}': use local_snapshot, "
                                "local_replica, remote_replica, cloud_backup or archive",
                                level.level)});
    }
    for (const Level& other : policy.levels) {
      if (!level.destination.empty() && other.destination == level.destination) {
        problems.push_back({pointer + "/destination",
                            fmt::format("is the destination of level {} already", other.level)});
      }
    }
    policy.levels.push_back(std::move(level));
  }
  if (policy.levels.empty()) {
    reader.problem("levels", "must name at least one level");
  }
}

void decode_proof(ObjectReader& reader, Policy& policy, std::vector<Problem>& problems) {
  const Json* proof = reader.value("proof");
  if (proof == nullptr) {
    return;
  }
  ObjectReader entry(*proof, "/proof", problems);
  const auto level = inventory::proof_level_from_name(entry.string_or("level", "L2"));
  if (!level || *level == inventory::ProofLevel::kL0) {
    entry.problem("level", "must be L1, L2, L3 or L4");
  } else {
    policy.proof.level = *level;
  }
  policy.proof.interval = decode_duration(entry, "interval", policy.proof.interval);
  entry.reject_unknown();
}

void decode_selector(ObjectReader& reader, Policy& policy) {
  const Json* selector = reader.value("selector");
  if (selector == nullptr) {
    return;
  }
  if (!selector->is_object()) {
    reader.problem("selector", "must map label names to values");
    return;
  }
  for (const auto& label : selector->get_object()) {
    policy.selector[label.key()] = label.value().is_string()
                                       ? std::string(label.value().get_string())
                                       : to_text(label.value());
  }
}

// What both spellings share, after the head of the document has been read.
void decode_common(ObjectReader& reader, Policy& policy, std::vector<Problem>& problems) {
  policy.timezone = reader.string_or("timezone", policy.timezone);
  if (const auto zone = schedule::find_zone(policy.timezone); !zone) {
    reader.problem("timezone", zone.error().message());
  }
  policy.fire = decode_fire(reader, policy.fire);
  const Json* schedules = reader.value("schedules");
  for_each_named(schedules, "/schedules", problems,
                 [&](const std::string& label, const Json& value, const std::string& pointer) {
                   decode_schedule(label, value, pointer, policy, problems);
                 });
  decode_steps(reader.value("steps"), policy, problems);
  decode_levels(reader, policy, problems);
  decode_proof(reader, policy, problems);
  decode_selector(reader, policy);
  policy.rpo = decode_duration(reader, "rpo", policy.rpo);
  policy.rto = decode_duration(reader, "rto", policy.rto);
  policy.channels = reader.strings_or_empty("channels");
  policy.consistency = reader.string_or("consistency", "none");
  if (policy.consistency != "none" && policy.consistency != "crash" &&
      policy.consistency != "application") {
    reader.problem("consistency", "must be none, crash or application");
  }
  if (const Json* approval = reader.value("approval")) {
    ObjectReader entry(*approval, "/approval", problems);
    policy.four_eyes = entry.boolean_or("four_eyes", false);
    entry.reject_unknown();
  }
}

}  // namespace

Json to_json(const Switches& switches) {
  JsonObject object;
  for (const SwitchRow& row : kSwitches) {
    object[row.name] = switches.*row.field;
  }
  return object;
}

Switches switches_from_json(const Json& value) {
  Switches switches;
  for (const SwitchRow& row : kSwitches) {
    switches.*row.field = get_bool(value, row.name, true);
  }
  return switches;
}

std::string_view overlap_name(Overlap overlap) {
  return kOverlaps.at(static_cast<size_t>(overlap));
}

std::string policy_name(const Json& document) {
  const std::string name = get_string(document, "name");
  return name.empty() ? get_string(document, "workflow_name") : name;
}

Policy default_policy(std::string_view default_zone) {
  Policy policy;
  policy.id = "pol_default";
  policy.name = "default";
  policy.version = 1;
  policy.timezone = std::string(default_zone);
  policy.levels = {{"local_snapshot", ""}, {"local_replica", ""}};
  policy.rpo = std::chrono::hours(24);
  policy.rto = std::chrono::hours(4);
  const Json daily = JsonObject{{"time", "02:00"}, {"frequency", "daily"}};
  if (auto rule = schedule::parse_rule(daily)) {
    policy.schedules.push_back({"daily", *std::move(rule), "30_days", {}});
  }
  policy.document = JsonObject{{"kind", "policy"}, {"name", "default"}};
  return policy;
}

Result<Policy> decode_policy(const Json& document, std::string_view default_zone) {
  std::vector<Problem> problems;
  ObjectReader reader(document, "", problems);
  Policy policy = default_policy(default_zone);
  policy.schedules.clear();
  policy.document = document;
  policy.name = policy_name(document);
  reader.string_or("name", "");
  const std::string workflow = reader.string_or("workflow_name", "");
  const std::string kind = reader.string_or("kind", "policy");
  if (policy.name.empty()) {
    reader.problem("name", "is required");
  }
  if (kind != "policy") {
    reader.problem("kind", "must be policy");
  }
  if (!workflow.empty() && workflow != "scheduled_backup") {
    reader.problem(
        "workflow_name",
        fmt::format("this server knows no workflow document '{}'; it accepts scheduled_backup",
                    workflow));
  }
  const std::string trigger = reader.string_or("trigger", "cron_schedule");
  if (trigger != "cron_schedule") {
    reader.problem("trigger", "must be cron_schedule");
  }
  decode_common(reader, policy, problems);
  reader.reject_unknown();
  if (!problems.empty()) {
    return to_error(problems);
  }
  return policy;
}

}  // namespace holdfast::protect

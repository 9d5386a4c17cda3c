#include "drivers/storage/ontap/schedules.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "drivers/storage/ontap/values.h"

namespace holdfast::storage::ontap {
namespace {

using async::Co;

struct Field {
  std::string_view name;  // of the cron object
  int least;
  int most;
};
constexpr std::array<Field, 5> kFields{
    {{"minutes", 0, 59}, {"hours", 0, 23}, {"days", 1, 31}, {"months", 1, 12}, {"weekdays", 0, 6}}};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() ? std::optional(value)
                                                                    : std::nullopt;
}

std::vector<std::string> split(std::string_view text, char sign) {
  std::vector<std::string> parts;
  while (true) {
    const size_t at = text.find(sign);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(at + 1);
  }
}

// "a", "a-b", "*", each with "/step": the values, or false.
bool add_range(const Field& field, const std::string& text, std::set<int>& values) {
  const auto with_step = split(text, '/');
  const auto step = with_step.size() == 2 ? number(with_step[1]) : std::optional(1);
  const auto ends = split(with_step[0], '-');
  const bool any = with_step[0] == "*";
  const auto first = any ? std::optional(field.least) : number(ends[0]);
  auto last = any                     ? std::optional(field.most)
              : ends.size() == 2      ? number(ends[1])
              : with_step.size() == 2 ? std::optional(field.most)
                                      : first;
  if (with_step.size() > 2 || ends.size() > 2 || !step || *step < 1 || !first || !last ||
      *first < field.least || *last > field.most || *first > *last) {
    return false;
  }
  for (int value = *first; value <= *last; value += *step) {
    values.insert(value);
  }
  return true;
}

// The times of a schedule, for comparing: names and texts left out.
std::string times_of(const Json& schedule) {
  std::string text;
  for (const Field& field : kFields) {
    std::set<std::int64_t> values;
    if (const Json& list = at(at(schedule, "cron"), field.name); list.is_array()) {
      for (const Json& one : list.get_array()) {
        values.insert(one.is_int64() ? one.get_int64() : -1);
      }
    }
    for (const std::int64_t value : values) {
      text += std::to_string(value) + ",";
    }
    text += ";";
  }
  return text;
}

}  // namespace

Result<Json> cron_body(const std::string& cron) {
  std::vector<std::string> parts = split(cron, ' ');
  std::erase(parts, std::string());
  if (parts.size() != kFields.size()) {
    return Error(Code::kInvalidArgument,
                 fmt::format("schedule '{}' is no cron text: it has five fields, minute hour day "
                             "month weekday",
                             cron));
  }
  JsonObject body;
  for (size_t i = 0; i < kFields.size(); ++i) {
    const Field& field = kFields.at(i);
    if (parts[i] == "*" && i > 0) {
      continue;
    }
    std::set<int> values;
    for (const std::string& one : split(parts[i], ',')) {
      if (!add_range(field, one, values)) {
        return Error(Code::kInvalidArgument,
                     fmt::format("schedule '{}': '{}' names no {} from {} to {}", cron, one,
                                 field.name, field.least, field.most));
      }
    }
    body[field.name] = JsonArray(values.begin(), values.end());
  }
  return Json(std::move(body));
}

Co<Status> put_schedule(ClusterPtr cluster, std::string name, std::string cron) {
  HF_CO_TRY(Json times, cron_body(cron));
  const Query named{{"name", exactly(name)}, {"fields", "uuid,name,cron"}};
  const std::string look = "look for the schedule";
  HF_CO_TRY(auto existing, co_await cluster->client->find_one("/cluster/schedules", named, look));
  if (!existing) {
    Write write{.method = "POST",
                .path = "/cluster/schedules",
                .query = {},
                .body = JsonObject{{"name", name}, {"cron", times}},
                .what = "make the schedule"};
    const auto made = co_await cluster->client->write(std::move(write));
    if (made || made.error().code() != Code::kAlreadyExists) {
      co_return status_of(made);
    }
    HF_CO_TRY(existing, co_await cluster->client->find_one("/cluster/schedules", named, look));
  }
  if (existing && times_of(*existing) != times_of(JsonObject{{"cron", times}})) {
    co_return Error(
        Code::kConflict,
        fmt::format("cluster {} has a schedule '{}' that runs at other times than '{}': "
                    "give the level that one by its name, or another",
                    cluster->name, name, cron));
  }
  co_return Status();
}

Co<Result<std::vector<SnapshotPolicyInfo>>> list_snapshot_policies(ClusterPtr cluster) {
  HF_CO_TRY(const JsonArray records,
            co_await cluster->client->list("/storage/snapshot-policies",
                                           {{"fields", "uuid,name,svm.name,enabled,copies"}},
                                           "list snapshot policies"));
  std::vector<SnapshotPolicyInfo> policies;
  for (const Json& record : records) {
    SnapshotPolicyInfo policy{.uuid = get_string(record, "uuid"),
                              .name = get_string(record, "name"),
                              .svm = get_string(at(record, "svm"), "name"),
                              .enabled = get_bool(record, "enabled"),
                              .copies = {}};
    if (const Json& copies = at(record, "copies"); copies.is_array()) {
      for (const Json& copy : copies.get_array()) {
        policy.copies.push_back({.schedule = get_string(at(copy, "schedule"), "name"),
                                 .label = get_string(copy, "snapmirror_label"),
                                 .count = static_cast<int>(get_int(copy, "count")),
                                 .retention = get_string(copy, "retention_period")});
      }
    }
    policies.push_back(std::move(policy));
  }
  co_return policies;
}

}  // namespace holdfast::storage::ontap

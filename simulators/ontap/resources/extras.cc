// What clients expect beside the volumes: LIFs, export policies, qtrees and quotas,
// anti-ransomware.
#include <fmt/core.h>

#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/store/content.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr std::string_view kQtree = "qtree";
constexpr std::string_view kQuotaRule = "quota_rule";

// --- one data LIF for each SVM
const Schema kInterfaceSchema{{"uuid", kText, kIdentity},
                              {"name", kText, kIdentity},
                              {"ip.address", kText},
                              {"ip.netmask", kText},
                              {"ip.family", kText},
                              {"state", kText},
                              {"enabled", kFlag},
                              {"scope", kText},
                              {"svm.name", kText},
                              {"svm.uuid", kText},
                              {"services", kTexts},
                              {"ipspace.name", kText},
                              {"location.node.name", kText},
                              {"location.home_node.name", kText},
                              {"location.is_home", kFlag}};

std::vector<JsonObject> interfaces(Call& call) {
  std::vector<JsonObject> out;
  for (const auto& [uuid, svm] : call.cluster.rows(kind::kSvm)) {
    const std::string node = text_at(call.cluster.rows(kind::kNode).begin()->second, "name");
    out.push_back(
        {{"uuid", uuid},
         {"name", text_at(svm, "name") + "_lif1"},
         {"ip", {{"address", "127.0.0.1"}, {"netmask", "8"}, {"family", "ipv4"}}},
         {"state", "up"},
         {"enabled", true},
         {"scope", "svm"},
         {"svm", reference(svm)},
         {"services", JsonArray{"data_core", "data_nfs"}},
         {"ipspace", {{"name", "Default"}}},
         {"location",
          {{"node", {{"name", node}}}, {"home_node", {{"name", node}}}, {"is_home", true}}}});
  }
  return out;
}

const Schema kExportSchema{{"id", kInteger, kIdentity},
                           {"name", kText, kIdentity},
                           {"svm.name", kText},
                           {"svm.uuid", kText},
                           {"rules", kAny, kCostly}};

std::vector<JsonObject> export_policies(Call& call) {
  std::vector<JsonObject> out;
  std::int64_t id = 0;
  for (const auto& [uuid, svm] : call.cluster.rows(kind::kSvm)) {
    out.push_back(
        {{"id", ++id}, {"name", "default"}, {"svm", reference(svm)}, {"rules", JsonArray()}});
  }
  return out;
}

// --- qtrees: folders at the top of a volume
const Schema kQtreeSchema{{"id", kInteger, kIdentity},
                          {"name", kText, kIdentity | kSet | kRequired},
                          {"svm.name", kText, kIdentity | kCreate},
                          {"svm.uuid", kText, kIdentity | kCreate},
                          {"volume.name", kText, kIdentity | kCreate},
                          {"volume.uuid", kText, kIdentity | kCreate},
                          {"path", kText},
                          {"security_style", kText, kSet},
                          {"unix_permissions", kInteger, kSet},
                          {"export_policy.name", kText, kSet},
                          {"export_policy.id", kInteger, kSet}};

Outcome<Answer> create_qtree(Call& call, JsonObject body) {
  HF_TRY(const JsonObject* volume,
         resolve_volume(call.cluster,
                        at(body, "volume") ? at(body, "volume")->as_object() : JsonObject(),
                        text_at(body, "svm.name")));
  HF_TRY(const std::string path,
         path_below(volume_folder(call.cluster, *volume), text_at(body, "name")));
  HF_TRY_VOID(make_directory(path, 0755));
  const auto id =
      static_cast<std::int64_t>(call.cluster.below(kQtree, text_at(*volume, "uuid")).size()) + 1;
  body["id"] = id;
  body["volume"] = reference(*volume);
  body["svm"] = *at(*volume, "svm");
  body["path"] = "/" + text_at(*volume, "name") + "/" + text_at(body, "name");
  const JsonObject& made = call.cluster.add(
      kQtree, below_id(text_at(*volume, "uuid"), fmt::format("{:06}", id)), std::move(body));
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [](JobRun&) -> Done { return {}; };
  return by_job(start_job(call.world, call.cluster, std::move(spec)),
                fmt::format("{}/{}", text_at(*volume, "uuid"), id), made);
}

// --- quotas
const Schema kRuleSchema{
    {"uuid", kText, kIdentity},           {"svm.name", kText, kCreate},
    {"svm.uuid", kText, kCreate},         {"volume.name", kText, kCreate},
    {"volume.uuid", kText, kCreate},      {"type", kEnum, kCreate | kRequired, "tree|user|group"},
    {"qtree.name", kText, kCreate},       {"qtree.id", kInteger, kCreate},
    {"users", kObjects, kCreate},         {"users.name", kText, kCreate},
    {"users.id", kText, kCreate},         {"group.name", kText, kCreate},
    {"space.hard_limit", kSize, kSet},    {"space.soft_limit", kSize, kSet},
    {"files.hard_limit", kInteger, kSet}, {"files.soft_limit", kInteger, kSet},
    {"user_mapping", kFlag, kCreate}};
const Schema kReportSchema{{"index", kInteger, kIdentity},
                           {"svm.name", kText, kIdentity},
                           {"svm.uuid", kText, kIdentity},
                           {"volume.name", kText, kIdentity},
                           {"volume.uuid", kText, kIdentity},
                           {"type", kText},
                           {"qtree.name", kText},
                           {"specifier", kText},
                           {"space.hard_limit", kSize},
                           {"space.soft_limit", kSize},
                           {"space.used.total", kSize},
                           {"space.used.hard_limit_percent", kInteger},
                           {"space.used.soft_limit_percent", kInteger},
                           {"files.hard_limit", kInteger},
                           {"files.used.total", kInteger}};

Outcome<Answer> create_rule(Call& call, JsonObject body) {
  HF_TRY(const JsonObject* volume,
         resolve_volume(call.cluster,
                        at(body, "volume") ? at(body, "volume")->as_object() : JsonObject(),
                        text_at(body, "svm.name")));
  const std::string uuid = call.world.new_uuid();
  body["uuid"] = uuid;
  body["volume"] = reference(*volume);
  body["svm"] = *at(*volume, "svm");
  const JsonObject& made = call.cluster.add(kQuotaRule, uuid, std::move(body));
  return done_with(uuid, made);
}

Outcome<Answer> modify_rule(Call& call, const JsonObject& record, JsonObject body) {
  merge(*call.cluster.edit(kQuotaRule, text_at(record, "uuid")), body);
  return done();
}

Outcome<Answer> remove_rule(Call& call, const JsonObject& record) {
  call.cluster.remove(kQuotaRule, text_at(record, "uuid"));
  return done();
}

TreeUsage usage_of(const Cluster& cluster, const JsonObject& rule) {
  const JsonObject* volume = cluster.find(kind::kVolume, text_at(rule, "volume.uuid"));
  return volume ? measure_tree(volume_folder(cluster, *volume) + "/" + text_at(rule, "qtree.name"))
                : TreeUsage();
}

std::vector<JsonObject> reports(Call& call) {
  std::vector<JsonObject> out;
  std::int64_t index = 0;
  for (const auto& [id, rule] : call.cluster.rows(kQuotaRule)) {
    const TreeUsage usage = usage_of(call.cluster, rule);
    JsonObject one{{"index", ++index}};
    for (const char* field : {"svm", "volume", "type", "qtree", "space", "files"}) {
      copy_field(rule, one, field);
    }
    set(one, "space.used.total", usage.bytes);
    set(one, "files.used.total", usage.files);
    if (const std::int64_t limit = int_at(rule, "space.hard_limit"); limit > 0) {
      set(one, "space.used.hard_limit_percent", Json(usage.bytes * 100 / limit));
    }
    out.push_back(std::move(one));
  }
  return out;
}

// --- anti-ransomware
const Schema kSuspectSchema{{"file.name", kText, kIdentity},
                            {"file.path", kText, kIdentity},
                            {"file.format", kText},
                            {"file.reason", kText},
                            {"file.suspect_time", kTime},
                            {"is_false_positive", kFlag},
                            {"volume.name", kText, kIdentity},
                            {"volume.uuid", kText, kIdentity}};

std::vector<JsonObject> suspects(Call& call) {
  std::vector<JsonObject> out;
  for (const auto& [uuid, volume] : call.cluster.rows(kind::kVolume)) {
    for (const JsonObject& file : objects_at(volume, "anti_ransomware.suspect_files")) {
      out.push_back({{"file",
                      {{"name", "file." + text_at(file, "format")},
                       {"path", "/"},
                       {"format", text_at(file, "format")},
                       {"reason", text_at(file, "entropy")}}},
                     {"is_false_positive", false},
                     {"volume", reference(volume)}});
    }
  }
  return out;
}

Outcome<Answer> clear_suspects(Call& call, const JsonObject& record) {
  if (JsonObject* volume = call.cluster.edit(kind::kVolume, text_at(record, "volume.uuid"))) {
    drop(*volume, "anti_ransomware.suspect_files");
    drop(*volume, "anti_ransomware.attack_reports");
    set(*volume, "anti_ransomware.attack_probability", Json("none"));
  }
  return done();
}

}  // namespace

Done check_quota(const Cluster& cluster, const JsonObject& volume, std::string_view path,
                 std::int64_t more) {
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  for (const auto& [id, rule] : cluster.rows(kQuotaRule)) {
    const std::string tree = text_at(rule, "qtree.name");
    const std::int64_t limit = int_at(rule, "space.hard_limit");
    const bool inside = tree.empty() || (path.starts_with(tree) && path.size() > tree.size() &&
                                         path[tree.size()] == '/');
    if (text_at(rule, "volume.uuid") == text_at(volume, "uuid") &&
        text_at(rule, "type") == "tree" && inside && limit > 0 &&
        usage_of(cluster, rule).bytes + more > limit) {
      return Fault(500, 1245212,
                   fmt::format("The quota of \"{}\" is exceeded.",
                               tree.empty() ? text_at(volume, "name") : tree),
                   "path");
    }
  }
  return {};
}

void add_extra_resources(Table& table) {
  table.add(Resource{.path = "/network/ip/interfaces",
                     .kind = "interface",
                     .schema = &kInterfaceSchema,
                     .rows = &interfaces});
  table.add(Resource{.path = "/protocols/nfs/export-policies",
                     .kind = "export_policy",
                     .schema = &kExportSchema,
                     .key = "id",
                     .rows = &export_policies});
  Resource qtrees{.path = "/storage/qtrees", .kind = kQtree, .schema = &kQtreeSchema, .key = "id"};
  qtrees.create = &create_qtree;
  table.add(qtrees);
  Resource rules{.path = "/storage/quota/rules", .kind = kQuotaRule, .schema = &kRuleSchema};
  rules.create = &create_rule;
  rules.modify = &modify_rule;
  rules.remove = &remove_rule;
  table.add(rules);
  table.add(Resource{.path = "/storage/quota/reports",
                     .kind = "quota_report",
                     .schema = &kReportSchema,
                     .key = "index",
                     .rows = &reports});
  Resource suspect{.path = "/security/anti-ransomware/suspects",
                   .kind = "suspect",
                   .schema = &kSuspectSchema,
                   .key = "volume.uuid",
                   .rows = &suspects};
  suspect.remove = &clear_suspects;
  table.add(suspect);
}

}  // namespace holdfast::ontap_sim

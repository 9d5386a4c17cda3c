// /cluster and what belongs to it: nodes, jobs, schedules.
#include <fmt/core.h>

#include "simulators/ontap/model/job.h"
#include "simulators/ontap/resources/resources.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

const Schema kClusterSchema{{"uuid", kText, kIdentity},
                            {"name", kText, kIdentity | kModify},
                            {"version", kAny, kIdentity},
                            {"contact", kText, kModify},
                            {"location", kText, kModify},
                            {"timezone.name", kText, kModify},
                            {"management_interfaces", kObjects},
                            {"management_interfaces.name", kText},
                            {"management_interfaces.uuid", kText},
                            {"management_interfaces.ip.address", kText},
                            {"nodes", kObjects},
                            {"nodes.name", kText},
                            {"nodes.uuid", kText},
                            {"nodes.model", kText},
                            {"nodes.serial_number", kText},
                            {"nodes.state", kText},
                            {"nodes.version", kAny},
                            {"peering_policy", kAny},
                            {"san_optimized", kFlag},
                            {"disaggregated", kFlag},
                            {"certificate.uuid", kText},
                            {"dns_domains", kTexts, kModify},
                            {"name_servers", kTexts, kModify},
                            {"ntp_servers", kTexts},
                            {"metric", kAny, kCostly},
                            {"statistics", kAny, kCostly}};

const Schema kNodeSchema{{"uuid", kText, kIdentity},
                         {"name", kText, kIdentity | kModify},
                         {"model", kText},
                         {"serial_number", kText},
                         {"system_id", kText},
                         {"state", kText},
                         {"membership", kText},
                         {"location", kText, kModify},
                         {"uptime", kInteger},
                         {"date", kTime},
                         {"version", kAny},
                         {"ha", kAny},
                         {"controller", kAny},
                         {"snaplock.compliance_clock_time", kTime},
                         {"anti_ransomware_version", kText},
                         {"management_interfaces", kObjects},
                         {"metric", kAny, kCostly},
                         {"statistics", kAny, kCostly}};

const Schema kJobSchema{{"uuid", kText, kIdentity},
                        {"description", kText},
                        {"state", kEnum, kShown, "queued|running|paused|success|failure"},
                        {"message", kText},
                        {"code", kInteger},
                        {"error.message", kText},
                        {"error.code", kText},
                        {"error.arguments", kObjects},
                        {"start_time", kTime},
                        {"end_time", kTime},
                        {"node.name", kText},
                        {"svm.name", kText},
                        {"svm.uuid", kText}};

const Schema kScheduleSchema{{"uuid", kText, kIdentity},
                             {"name", kText, kIdentity | kCreate | kRequired},
                             {"type", kEnum, kShown, "cron|interval"},
                             {"cron.minutes", kIntegers, kSet},
                             {"cron.hours", kIntegers, kSet},
                             {"cron.days", kIntegers, kSet},
                             {"cron.months", kIntegers, kSet},
                             {"cron.weekdays", kIntegers, kSet},
                             {"interval", kDuration, kSet},
                             {"scope", kEnum, kShown, "cluster|svm"},
                             {"svm.name", kText, kCreate},
                             {"svm.uuid", kText, kCreate},
                             {"cluster.name", kText, kCreate},
                             {"cluster.uuid", kText, kCreate}};

void decorate_cluster(Call& call, JsonObject& record, const Selection&) {
  JsonArray nodes;
  JsonArray interfaces;
  for (const auto& [id, node] : call.cluster.rows(kind::kNode)) {
    JsonObject one = reference(node);
    for (const char* field : {"model", "serial_number", "state", "version"}) {
      copy_field(node, one, field);
    }
    nodes.emplace_back(std::move(one));
  }
  interfaces.push_back(
      {{"name", "cluster_mgmt"}, {"uuid", call.cluster.uuid}, {"ip", {{"address", "127.0.0.1"}}}});
  record["nodes"] = std::move(nodes);
  record["management_interfaces"] = std::move(interfaces);
}

Outcome<Answer> modify_cluster(Call& call, const JsonObject&, JsonObject body) {
  merge(*call.cluster.edit(kind::kCluster, "self"), body);
  return done();
}

std::vector<JsonObject> cluster_row(Call& call) {
  return {*call.cluster.find(kind::kCluster, "self")};
}

void decorate_node(Call& call, JsonObject& record, const Selection&) {
  const auto started = parse_time(text_at(record, "_sim.started"));
  record["uptime"] =
      started ? std::chrono::floor<std::chrono::seconds>(call.world.now() - *started).count() : 0;
  record["date"] = call.world.now_text();
  set(record, "snaplock.compliance_clock_time", Json(call.world.now_text()));
  record["anti_ransomware_version"] = "1.0";
}

Outcome<Answer> modify_node(Call& call, const JsonObject& record, JsonObject body) {
  merge(*call.cluster.edit(kind::kNode, text_at(record, "uuid")), body);
  return done();
}

constexpr std::string_view kJobOptions[] = {"action"};

Outcome<Answer> modify_job(Call& call, const JsonObject& record, JsonObject) {
  HF_TRY_VOID(
      control_job(call.world, call.cluster, text_at(record, "uuid"), call.query.option("action")));
  return done();
}

Outcome<Answer> create_schedule(Call& call, JsonObject body) {
  const bool cron = body.contains("cron");
  const bool interval = body.contains("interval");
  if (cron == interval) {
    return bad(458788, "A schedule takes either \"cron\" or \"interval\".", "cron");
  }
  const std::string name = text_at(body, "name");
  if (call.cluster.find_by(kind::kSchedule, "name", name) != nullptr) {
    return conflict(459760, fmt::format("The schedule \"{}\" already exists.", name), "name");
  }
  const std::string uuid = call.world.new_uuid();
  body["uuid"] = uuid;
  body["type"] = cron ? "cron" : "interval";
  body["scope"] = body.contains("svm") ? "svm" : "cluster";
  body["cluster"] = {{"name", call.cluster.name}, {"uuid", call.cluster.uuid}};
  const JsonObject& made = call.cluster.add(kind::kSchedule, uuid, std::move(body));
  return done_with(uuid, made);
}

Outcome<Answer> modify_schedule(Call& call, const JsonObject& record, JsonObject body) {
  if (body.contains(text_at(record, "type") == "cron" ? "interval" : "cron")) {
    return bad(458788, "A schedule keeps its type.", "type");
  }
  JsonObject* schedule = call.cluster.edit(kind::kSchedule, text_at(record, "uuid"));
  for (const auto& [key, value] : body) {
    (*schedule)[key] = value;
  }
  return done();
}

Outcome<Answer> remove_schedule(Call& call, const JsonObject& record) {
  call.cluster.remove(kind::kSchedule, text_at(record, "uuid"));
  return done();
}

}  // namespace

void add_cluster_resources(Table& table) {
  Resource cluster{.path = "/cluster", .kind = kind::kCluster, .schema = &kClusterSchema};
  cluster.singleton = true;
  cluster.rows = &cluster_row;
  cluster.decorate = &decorate_cluster;
  cluster.modify = &modify_cluster;
  table.add(cluster);
  Resource nodes{.path = "/cluster/nodes", .kind = kind::kNode, .schema = &kNodeSchema};
  nodes.decorate = &decorate_node;
  nodes.modify = &modify_node;
  table.add(nodes);
  Resource jobs{
      .path = "/cluster/jobs", .kind = kind::kJob, .schema = &kJobSchema, .options = kJobOptions};
  jobs.modify = &modify_job;
  jobs.bulk = false;
  table.add(jobs);
  Resource schedules{
      .path = "/cluster/schedules", .kind = kind::kSchedule, .schema = &kScheduleSchema};
  schedules.create = &create_schedule;
  schedules.modify = &modify_schedule;
  schedules.remove = &remove_schedule;
  table.add(schedules);
}

}  // namespace holdfast::ontap_sim

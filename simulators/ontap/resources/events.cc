// /support/ems: events, messages, and what applications report.
#include <fmt/core.h>

#include "simulators/ontap/model/ems.h"
#include "simulators/ontap/resources/resources.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

const Schema kSchema{
    {"index", kInteger, kIdentity},
    {"time", kTime, kIdentity},
    {"message.name", kText, kIdentity},
    {"message.severity", kEnum, kIdentity, "emergency|alert|error|notice|informational|debug"},
    {"node.name", kText, kIdentity},
    {"node.uuid", kText, kIdentity},
    {"log_message", kText, kIdentity},
    {"parameters", kObjects, kIdentity},
    {"parameters.name", kText, kIdentity},
    {"parameters.value", kText, kIdentity},
    {"source", kText, kIdentity},
    {"creation_time", kTime},
    {"last_update_time", kTime},
    {"state", kText},
    {"filter.name", kText}};

const Schema kLogSchema{
    {"computer_name", kText, kCreate | kRequired},
    {"event_source", kText, kCreate | kRequired},
    {"event_id", kInteger, kCreate},
    {"category", kText, kCreate},
    {"event_description", kText, kCreate},
    {"app_version", kText, kCreate},
    {"autosupport_required", kFlag, kCreate},
    {"severity", kEnum, kCreate, "emergency|alert|error|notice|informational|debug"}};

// Messages that this cluster may log: what a filter by message.name may ask for.
constexpr std::string_view kNames[] = {"callhome.arw.activity.seen",
                                       "arw.volume.state",
                                       "arw.vserver.state",
                                       "sms.status.out.of.sync",
                                       "sms.status.in.sync",
                                       "sms.resync.attempt.failed",
                                       "sms.snap.not.replicated",
                                       "smc.snapmir.init.fail",
                                       "smc.snapmir.unexpected.err",
                                       "smc.snapmir.break.success",
                                       "wafl.vol.autoSize.done",
                                       "wafl.vvol.offline",
                                       "LUN.offline",
                                       "LUN.destroy",
                                       "hm.alert.raised",
                                       "object.store.unavailable",
                                       "fabricpool.full",
                                       "app.log.notice"};

std::vector<JsonObject> messages(Call&) {
  std::vector<JsonObject> out;
  for (const std::string_view name : kNames) {
    out.push_back({{"name", name},
                   {"severity", name == "callhome.arw.activity.seen" ? "alert" : "notice"},
                   {"description", ""},
                   {"corrective_action", ""},
                   {"deprecated", false}});
  }
  return out;
}

const Schema kMessageSchema{{"name", kText, kIdentity}, {"severity", kText, kIdentity},
                            {"description", kText},     {"corrective_action", kText},
                            {"deprecated", kFlag},      {"filter.name", kText}};

Outcome<Answer> log_application(Call& call) {
  HF_TRY(const JsonObject body, kLogSchema.accept(call.body, kCreate));
  add_ems(call.world, call.cluster,
          {"app.log.notice",
           text_at(body, "severity", "notice"),
           text_at(body, "event_description"),
           {{"app_host", text_at(body, "computer_name")},
            {"app_user_agent", text_at(body, "event_source")}}});
  return done_with("", body);
}

}  // namespace

void add_event_resources(Table& table) {
  table.add(Resource{
      .path = "/support/ems/events", .kind = kind::kEvent, .schema = &kSchema, .key = "index"});
  table.add(Resource{.path = "/support/ems/messages",
                     .kind = "ems_message",
                     .schema = &kMessageSchema,
                     .key = "name",
                     .rows = &messages});
  table.add(Route{.method = "POST",
                  .pattern = "/support/ems/application-logs",
                  .handler = &log_application,
                  .schema = &kLogSchema});
}

}  // namespace holdfast::ontap_sim

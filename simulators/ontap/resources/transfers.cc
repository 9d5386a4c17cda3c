// /snapmirror/relationships/{uuid}/transfers: POST starts one and answers 201; GET lists running
// ones.
#include <fmt/core.h>

#include "core/base/log.h"
#include "simulators/ontap/resources/relationship_parts.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr size_t kFilesMax = 8;

const Schema kSchema{{"uuid", kText, kIdentity},
                     {"state", kEnum, kIdentity | kModify,
                      "aborted|failed|hard_aborted|queued|success|transferring"},
                     {"bytes_transferred", kSize},
                     {"start_time", kTime},
                     {"end_time", kTime},
                     {"total_duration", kDuration},
                     {"last_updated_time", kTime},
                     {"relationship.uuid", kText},
                     {"relationship.restore", kFlag},
                     {"relationship.destination.path", kText},
                     {"snapshot", kText},
                     {"source_snapshot", kText, kCreate},
                     {"throttle", kInteger, kCreate},
                     {"storage_efficiency_enabled", kFlag, kCreate},
                     {"files", kObjects, kCreate},
                     {"files.source_path", kText, kCreate},
                     {"files.destination_path", kText, kCreate},
                     {"options", kObjects, kCreate},
                     {"on_demand_attrs", kText, kCreate}};

std::string type_for(const JsonObject& row) {
  if (flag_at(row, "restore")) {
    return "restore";
  }
  return text_at(row, "state") == "uninitialized" ? "initialize" : "update";
}

Done check(const JsonObject& row, const JsonObject& body, const std::string& type) {
  const std::string state = text_at(row, "state");
  if (is_transferring(row)) {
    return bad(13303812, "Another transfer is in progress.");
  }
  if (type == "update" && state != "snapmirrored" && state != "in_sync") {
    return bad(13303844, fmt::format("Failed to update: the relationship is {}.", state));
  }
  if (at(row, "_sim.pausing") != nullptr) {
    return bad(6619720, "The relationship is being quiesced: try again in a few minutes.");
  }
  if (body.contains("throttle") && text_at(row, "policy.type") != "async") {
    return bad(13304040, "A throttle is not supported on a synchronous relationship.", "throttle");
  }
  if (const Json* files = body.if_contains("files")) {
    if (files->as_array().empty()) {
      return bad(13303846, "The list of files is empty.", "files");
    }
    if (type != "restore" || files->as_array().size() > kFilesMax) {
      return bad(13303847, "A restore takes up to 8 files; other transfers take none.", "files");
    }
  }
  return {};
}

// Files go over a read-write volume. A whole snapshot fills an empty one of type dp, or goes over a
// read-write one by what differs from a snapshot that both sides have; from an object store there
// is no such difference.
Done check_restore(Call& call, const JsonObject& row, const JsonObject& body) {
  const std::string to = text_at(row, "destination.path");
  for (const VolumePair& pair : pairs_of(row)) {
    const JsonObject* target = call.cluster.find(kind::kVolume, pair.destination);
    const bool writable = target != nullptr && text_at(*target, "type") == "rw";
    if (body.contains("files")) {
      if (!writable) {
        return bad(13303845,
                   fmt::format("Files are restored to a volume of type rw; {} is none.", to),
                   "files");
      }
    } else if (writable && is_from_store(row)) {
      return bad(13303845,
                 fmt::format("A snapshot of an object store is restored to an empty volume "
                             "of type dp; {} is of type rw.",
                             to));
    } else if (Cluster* source = writable ? source_cluster(call.world, row) : nullptr;
               source != nullptr && !newest_common(*source, call.cluster, pair)) {
      return bad(13303845, fmt::format("No snapshot is common to {} and {}: a volume of type rw is "
                                       "restored from one on.",
                                       text_at(row, "source.path"), to));
    }
  }
  return {};
}

Outcome<Answer> create(Call& call, JsonObject body) {
  const std::string id = call.key();
  const JsonObject* row = call.cluster.find(kind::kRelationship, id);
  if (row == nullptr || is_pending(*row)) {
    return not_found("relationship.uuid");
  }
  const std::string type = type_for(*row);
  HF_TRY_VOID(check(*row, body, type));
  if (type == "restore") {
    HF_TRY_VOID(check_restore(call, *row, body));
  }
  TransferOrder order{.relationship = id, .transfer = {}, .type = type};
  order.source_snapshot = text_at(body, "source_snapshot");
  order.files = objects_at(body, "files");
  order.throttle = int_at(body, "throttle", int_at(*row, "throttle"));
  HF_TRY_VOID(start_transfer(call.world, call.cluster, order));
  const JsonObject transfer{
      {"uuid", text_at(*call.cluster.find(kind::kRelationship, id), "transfer.uuid")},
      {"state", "transferring"}};
  return done_with(text_at(transfer, "uuid"), transfer);
}

Outcome<Answer> modify(Call& call, const JsonObject& record, JsonObject body) {
  const std::string state = text_at(body, "state");
  if (state != "aborted" && state != "hard_aborted") {
    return bad(13303848, "A transfer can be aborted or hard_aborted.", "state");
  }
  (*call.cluster.edit(kind::kTransfer, below_id(call.key(), text_at(record, "uuid"))))["state"] =
      state;
  return done();
}

Done exists(Call& call) {
  return call.cluster.find(kind::kRelationship, call.key()) ? Done()
                                                            : Done(not_found("relationship.uuid"));
}

}  // namespace

Done start_transfer(World& world, Cluster& cluster, TransferOrder order) {
  HF_TRY(order.transfer, begin_transfer(world, cluster, order.relationship, order.type));
  world.later(Nanoseconds(0), [&world, &cluster, order] {
    if (const Done outcome = run_transfer(world, cluster, order); !outcome) {
      log_info("sim.transfer_failed", {{"cluster", cluster.name},
                                       {"relationship", order.relationship},
                                       {"code", outcome.error().code},
                                       {"message", outcome.error().message}});
    }
  });
  return {};
}

void add_transfer_resources(Table& table) {
  Resource transfers{.path = "/snapmirror/relationships/{relationship.uuid}/transfers",
                     .kind = kind::kTransfer,
                     .schema = &kSchema};
  transfers.parent = &exists;
  transfers.create = &create;
  transfers.modify = &modify;
  table.add(transfers);
}

}  // namespace holdfast::ontap_sim

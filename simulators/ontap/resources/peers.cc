// /cluster/peers and /svm/peers: who may replicate with whom.
//
// A cluster peer is made on both sides; a passphrase that one side generated proves the other. Both
// clusters must be of this process: `remote.ip_addresses` takes their names, or 127.0.0.1 with
// `remote.name`.
#include <fmt/core.h>

#include <algorithm>

#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/resources/resources.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr size_t kPassphraseMin = 8;

const Schema kPeerSchema{
    {"uuid", kText, kIdentity},
    {"name", kText, kIdentity | kSet},
    {"remote.name", kText, kCreate},
    {"remote.serial_number", kText},
    {"remote.ip_addresses", kTexts, kSet},
    {"status.state", kEnum, kShown, "available|partial|unavailable|pending|unidentified"},
    {"status.update_time", kTime},
    {"authentication.state", kText},
    {"authentication.in_use", kText},
    {"authentication.passphrase", kText, kSet},
    {"authentication.generate_passphrase", kFlag, kSet},
    {"authentication.expiry_time", kTime, kSet},
    {"initial_allowed_svms", kObjects, kSet},
    {"initial_allowed_svms.name", kText, kSet},
    {"initial_allowed_svms.uuid", kText, kSet},
    {"ipspace.name", kText, kCreate},
    {"ipspace.uuid", kText, kCreate},
    {"encryption.state", kText},
    {"encryption.proposed", kEnum, kSet, "none|tls_psk"},
    {"peer_applications", kTexts, kSet},
    {"version.full", kText},
    {"version.generation", kInteger},
    {"version.major", kInteger},
    {"version.minor", kInteger}};

const Schema kSvmPeerSchema{
    {"uuid", kText, kIdentity},
    {"name", kText, kIdentity | kSet},
    {"svm.name", kText, kIdentity | kCreate},
    {"svm.uuid", kText, kCreate},
    {"peer.svm.name", kText, kCreate},
    {"peer.svm.uuid", kText, kCreate},
    {"peer.cluster.name", kText, kCreate},
    {"peer.cluster.uuid", kText, kCreate},
    {"state", kEnum, kModify, "peered|rejected|suspended|initiated|pending|initializing"},
    {"applications", kTexts, kSet},
    {"force", kFlag}};

const Schema kPermissionSchema{{"svm.name", kText, kIdentity | kCreate},
                               {"svm.uuid", kText, kIdentity | kCreate},
                               {"cluster_peer.name", kText, kIdentity | kCreate},
                               {"cluster_peer.uuid", kText, kIdentity | kCreate},
                               {"applications", kTexts, kSet | kRequired},
                               {"uuid", kText}};

bool peer_is_dead(Call& call, const std::string& name) {
  return call.world.faults().peek("down", name).has_value();
}

void decorate_peer(Call& call, JsonObject& record, const Selection&) {
  const std::string name = text_at(record, "_sim.cluster");
  if (text_at(record, "status.state") == "available" && peer_is_dead(call, name)) {
    set(record, "status.state", "unavailable");
  }
  set(record, "status.update_time", Json(call.world.now_text()));
  if (const Cluster* peer = call.world.cluster_by_name(name)) {
    record["version"] = *at(*peer->find(kind::kCluster, "self"), "version");
  }
}

// The cluster of this process that a body means.
Cluster* remote_cluster(Call& call, const JsonObject& body) {
  std::vector<std::string> names = texts_at(body, "remote.ip_addresses");
  names.push_back(text_at(body, "remote.name"));
  names.push_back(text_at(body, "name"));
  for (const std::string& name : names) {
    if (Cluster* found = call.world.cluster_by_name(name)) {
      return found;
    }
  }
  Cluster* other = nullptr;  // an address alone: the only other cluster, if there is only one
  for (const auto& cluster : call.world.clusters()) {
    if (cluster.get() != &call.cluster) {
      if (other != nullptr) {
        return nullptr;
      }
      other = cluster.get();
    }
  }
  return other;
}

Outcome<Answer> create_peer(Call& call, JsonObject body) {
  Cluster* remote = remote_cluster(call, body);
  if (remote == &call.cluster) {
    return bad(4653058, "A cluster cannot be its own peer.", "remote.ip_addresses");
  }
  if (remote == nullptr) {
    return bad(4656069, "No cluster answers at that address: name a cluster of this simulator.",
               "remote.ip_addresses");
  }
  if (call.cluster.find_by(kind::kClusterPeer, "_sim.cluster", remote->name) != nullptr) {
    return conflict(4656077,
                    fmt::format("A peer relationship with \"{}\" already exists.", remote->name),
                    "remote");
  }
  std::string passphrase = text_at(body, "authentication.passphrase");
  const bool generated = flag_at(body, "authentication.generate_passphrase");
  if (!generated && passphrase.size() < kPassphraseMin) {
    return bad(4653236, "The passphrase is shorter than 8 characters.",
               "authentication.passphrase");
  }
  if (generated) {
    passphrase = call.world.new_uuid().substr(0, 23);
  }
  const JsonObject* theirs = remote->find_by(kind::kClusterPeer, "_sim.cluster", call.cluster.name);
  const bool met = theirs != nullptr && text_at(*theirs, "_sim.passphrase") == passphrase;
  const std::string uuid = call.world.new_uuid();
  JsonObject peer = body;
  drop(peer, "authentication");
  peer["uuid"] = uuid;
  peer["name"] = text_at(body, "name", remote->name);
  set(peer, "remote.name", Json(remote->name));
  set(peer, "status.state", met ? "available" : "pending");
  set(peer, "authentication.state", met ? "ok" : "pending");
  set(peer, "authentication.in_use", met ? "ok" : "absent");
  set(peer, "encryption.state", Json(text_at(body, "encryption.proposed", "none")));
  peer["_sim"] = {{"cluster", remote->name}, {"passphrase", passphrase}};
  JsonObject shown = call.cluster.add(kind::kClusterPeer, uuid, std::move(peer));
  if (met) {
    JsonObject* other = remote->edit(kind::kClusterPeer, text_at(*theirs, "uuid"));
    set(*other, "status.state", "available");
    set(*other, "authentication.state", "ok");
    set(*other, "authentication.in_use", "ok");
  }
  if (generated) {
    set(shown, "authentication.passphrase", Json(passphrase));
  }
  shown.erase("_sim");
  Answer answer = done_with(uuid, shown);
  if (generated) {  // the only time that it is told
    answer.body = {{"authentication", {{"passphrase", passphrase}}}, {"uuid", uuid}};
    call.query.return_records = true;
  }
  return answer;
}

Outcome<Answer> modify_peer(Call& call, const JsonObject& record, JsonObject body) {
  drop(body, "authentication");
  merge(*call.cluster.edit(kind::kClusterPeer, text_at(record, "uuid")), body);
  return done();
}

Outcome<Answer> remove_peer(Call& call, const JsonObject& record) {
  call.cluster.remove(kind::kClusterPeer, text_at(record, "uuid"));
  return done();
}

// A dead peer is asked for up to a minute, and then it is told that it did not answer.
Done consult_peer(Call& call, const std::string& peer) {
  if (!peer.empty() && peer_is_dead(call, peer)) {
    HF_TRY_VOID(call.lock.release());
    call.world.wait(call.world.config().dead_peer_time);
    call.lock.again();
    return Fault(500, 262224, fmt::format("The peer cluster \"{}\" is not reachable.", peer));
  }
  return {};
}

Outcome<Answer> create_svm_peer(Call& call, JsonObject body) {
  HF_TRY(const JsonObject svm, resolve_svm(call.cluster, body));
  const std::string remote = text_at(body, "peer.cluster.name", call.cluster.name);
  HF_TRY_VOID(consult_peer(call, remote));
  Cluster* there = call.world.cluster_by_name(remote);
  const bool here = there == &call.cluster;
  if (there == nullptr ||
      (!here && call.cluster.find_by(kind::kClusterPeer, "_sim.cluster", remote) == nullptr)) {
    return bad(9896086, fmt::format("Cluster \"{}\" is not a peer.", remote), "peer.cluster.name");
  }
  const JsonObject* peer = there->find_by(kind::kSvm, "name", text_at(body, "peer.svm.name"));
  if (peer == nullptr) {
    return bad(26345580,
               fmt::format("SVM \"{}\" does not exist in cluster \"{}\".",
                           text_at(body, "peer.svm.name"), remote),
               "peer.svm.name");
  }
  for (const auto& [id, one] : call.cluster.rows(kind::kSvmPeer)) {
    if (text_at(one, "svm.uuid") == text_at(svm, "uuid") &&
        text_at(one, "peer.svm.uuid") == text_at(*peer, "uuid")) {
      return conflict(13434889, "The SVM peer relationship already exists.", "peer.svm.name");
    }
  }
  const bool accepted = here || there->find_by(kind::kSvmPeerPermission, "cluster_peer.name",
                                               call.cluster.name) != nullptr;
  const Json applications =
      body.contains("applications") ? body["applications"] : Json(JsonArray{"snapmirror"});
  const auto add = [&](Cluster& where, const JsonObject& own, const JsonObject& other,
                       const Cluster& other_cluster, const std::string& name, const char* state) {
    const std::string uuid = call.world.new_uuid();
    where.add(kind::kSvmPeer, uuid,
              {{"uuid", uuid},
               {"name", name},
               {"state", state},
               {"svm", own},
               {"applications", applications},
               {"peer",
                {{"svm", other},
                 {"cluster", {{"name", other_cluster.name}, {"uuid", other_cluster.uuid}}}}}});
    return uuid;
  };
  const std::string alias = text_at(body, "name", text_at(*peer, "name"));
  const std::string uuid =
      add(call.cluster, svm, reference(*peer), *there, alias, accepted ? "peered" : "initiated");
  if (!here) {
    add(*there, reference(*peer), svm, call.cluster, text_at(svm, "name"),
        accepted ? "peered" : "pending");
  }
  JobSpec spec;
  spec.description = describe_call(call);
  spec.work = [](JobRun&) -> Done { return {}; };
  return by_job(start_job(call.world, call.cluster, std::move(spec)), uuid,
                *call.cluster.find(kind::kSvmPeer, uuid));
}

// The row of the other side.
JsonObject* mirror_row(Call& call, const JsonObject& record) {
  Cluster* there = call.world.cluster_by_name(text_at(record, "peer.cluster.name"));
  if (there == nullptr || there == &call.cluster) {
    return nullptr;
  }
  for (const auto& [id, one] : there->rows(kind::kSvmPeer)) {
    if (text_at(one, "svm.uuid") == text_at(record, "peer.svm.uuid") &&
        text_at(one, "peer.svm.uuid") == text_at(record, "svm.uuid")) {
      return there->edit(kind::kSvmPeer, id);
    }
  }
  return nullptr;
}

Outcome<Answer> modify_svm_peer(Call& call, const JsonObject& record, JsonObject body) {
  HF_TRY_VOID(consult_peer(call, text_at(record, "peer.cluster.name")));
  JsonObject* own = call.cluster.edit(kind::kSvmPeer, text_at(record, "uuid"));
  const std::string state = text_at(body, "state");
  if (state == "peered" && text_at(record, "state") == "initiated") {
    return bad(9896086, "The other side has to accept the relationship.", "state");
  }
  merge(*own, body);
  if (JsonObject* other = mirror_row(call, record); other && !state.empty()) {
    (*other)["state"] = state;
  }
  return done();
}

Outcome<Answer> remove_svm_peer(Call& call, const JsonObject& record) {
  if (Cluster* there = call.world.cluster_by_name(text_at(record, "peer.cluster.name"))) {
    if (JsonObject* other = mirror_row(call, record)) {
      there->remove(kind::kSvmPeer, text_at(*other, "uuid"));
    }
  }
  call.cluster.remove(kind::kSvmPeer, text_at(record, "uuid"));
  return done();
}

// The peer that a listing would ask in vain.
std::string dead_peer(Call& call) {
  for (const auto& [id, row] : call.cluster.rows(kind::kSvmPeer)) {
    if (const std::string peer = text_at(row, "peer.cluster.name"); peer_is_dead(call, peer)) {
      return peer;
    }
  }
  return "";
}

// A listing asks every peer: with a dead one there is nothing, and the fault below.
Done peers_answer(Call& call) { return consult_peer(call, dead_peer(call)); }

std::vector<JsonObject> svm_peers(Call& call) {
  std::vector<JsonObject> out;
  if (!dead_peer(call).empty()) {
    return out;
  }
  for (const auto& [id, row] : call.cluster.rows(kind::kSvmPeer)) {
    out.push_back(row);
  }
  return out;
}

Outcome<Answer> create_permission(Call& call, JsonObject body) {
  const std::string uuid = call.world.new_uuid();
  body["uuid"] = uuid;
  const JsonObject& made = call.cluster.add(kind::kSvmPeerPermission, uuid, std::move(body));
  return done_with(uuid, made);
}

Outcome<Answer> remove_permission(Call& call, const JsonObject& record) {
  call.cluster.remove(kind::kSvmPeerPermission, text_at(record, "uuid"));
  return done();
}

}  // namespace

void add_peer_resources(Table& table) {
  Resource peers{.path = "/cluster/peers", .kind = kind::kClusterPeer, .schema = &kPeerSchema};
  peers.decorate = &decorate_peer;
  peers.create = &create_peer;
  peers.modify = &modify_peer;
  peers.remove = &remove_peer;
  table.add(peers);
  Resource svm_peer{.path = "/svm/peers", .kind = kind::kSvmPeer, .schema = &kSvmPeerSchema};
  svm_peer.rows = &svm_peers;
  svm_peer.parent = &peers_answer;
  svm_peer.create = &create_svm_peer;
  svm_peer.modify = &modify_svm_peer;
  svm_peer.remove = &remove_svm_peer;
  table.add(svm_peer);
  Resource permissions{.path = "/svm/peer-permissions",
                       .kind = kind::kSvmPeerPermission,
                       .schema = &kPermissionSchema};
  permissions.create = &create_permission;
  permissions.remove = &remove_permission;
  table.add(permissions);
}

}  // namespace holdfast::ontap_sim

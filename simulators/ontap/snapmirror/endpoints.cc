#include <fmt/core.h>

#include "simulators/ontap/snapmirror/relationship.h"

namespace holdfast::ontap_sim {
namespace {

constexpr std::string_view kGroupPrefix = "/cg/";
constexpr std::string_view kStore = "/objstore";

struct Parts {
  std::string svm;
  std::string rest;
};

Outcome<Parts> split(const JsonObject& body, const char* side) {
  const std::string path = text_at(body, std::string(side) + ".path");
  const size_t colon = path.find(':');
  if (path.empty() || colon == std::string::npos || colon == 0) {
    return bad(
        262212,
        fmt::format("\"{}.path\" is required: svm:volume, svm:, svm:/cg/name or target:/objstore.",
                    side),
        std::string(side) + ".path");
  }
  return Parts{path.substr(0, colon), path.substr(colon + 1)};
}

void set_kind(Endpoint& end, const std::string& rest) {
  if (rest.starts_with(kGroupPrefix)) {
    end.kind = Endpoint::Kind::kGroup;
    end.name = rest.substr(kGroupPrefix.size());
  } else if (rest.empty()) {
    end.kind = Endpoint::Kind::kSvm;
  } else if (rest == kStore || rest.starts_with(std::string(kStore) + "/")) {
    end.kind = Endpoint::Kind::kObjectStore;
    end.name = rest.size() > kStore.size() ? rest.substr(kStore.size() + 1) : "";
  } else {
    end.name = rest;
  }
}

// The cluster and SVM that a name means here: by an alias of peering, an SVM of this cluster, or
// the one of a named peer cluster.
Outcome<Endpoint> locate(World& world, Cluster& here, const std::string& svm,
                         const std::string& cluster) {
  Endpoint end;
  for (const auto& [id, peer] : here.rows(kind::kSvmPeer)) {
    const std::string remote = text_at(peer, "peer.cluster.name");
    if (text_at(peer, "name") == svm && text_at(peer, "state") == "peered" &&
        (cluster.empty() || cluster == remote)) {
      end.cluster = world.cluster_by_name(remote);
      end.svm = *at(peer, "peer.svm")->if_object();
      return end;
    }
  }
  const JsonObject* own = here.find_by(kind::kSvm, "name", svm);
  if (own == nullptr || (!cluster.empty() && cluster != here.name)) {
    return bad(
        6619546,
        fmt::format("SVM \"{}\" is neither of this cluster nor of a peer: peer the SVMs first.",
                    svm),
        "source.path");
  }
  end.cluster = &here;
  end.svm = reference(*own);
  return end;
}

Outcome<Endpoint> object_store(Cluster& here, const std::string& name, const char* side) {
  const JsonObject* target = here.find_by(kind::kCloudTarget, "name", name);
  if (target == nullptr) {
    return bad(6619546, fmt::format("There is no cloud target \"{}\".", name),
               std::string(side) + ".path");
  }
  Endpoint end;
  end.kind = Endpoint::Kind::kObjectStore;
  end.cluster = &here;
  end.svm = reference(*target);
  return end;
}

}  // namespace

Outcome<Endpoint> source_endpoint(World& world, Cluster& here, const JsonObject& body) {
  HF_TRY(const Parts parts, split(body, "source"));
  Endpoint kind_of;
  set_kind(kind_of, parts.rest);
  HF_TRY(Endpoint end, kind_of.kind == Endpoint::Kind::kObjectStore
                           ? object_store(here, parts.svm, "source")
                           : locate(world, here, parts.svm, text_at(body, "source.cluster.name")));
  end.kind = kind_of.kind;
  end.name = kind_of.name;
  end.path = text_at(body, "source.path");
  if (end.kind != Endpoint::Kind::kObjectStore && endpoint_volumes(*end.cluster, end).empty() &&
      end.kind != Endpoint::Kind::kSvm) {
    return bad(6619546, fmt::format("The source \"{}\" does not exist.", end.path), "source.path");
  }
  return end;
}

Outcome<Endpoint> destination_endpoint(World& world, Cluster& here, const JsonObject& body) {
  static_cast<void>(world);
  HF_TRY(const Parts parts, split(body, "destination"));
  Endpoint end;
  set_kind(end, parts.rest);
  if (end.kind == Endpoint::Kind::kObjectStore) {
    HF_TRY(Endpoint store, object_store(here, parts.svm, "destination"));
    end.svm = std::move(store.svm);
  } else {
    const JsonObject* svm = here.find_by(kind::kSvm, "name", parts.svm);
    if (svm == nullptr) {
      return bad(2621462,
                 fmt::format("SVM \"{}\" does not exist: a relationship is made on the cluster of "
                             "its destination.",
                             parts.svm),
                 "destination.path");
    }
    end.svm = reference(*svm);
  }
  end.cluster = &here;
  end.path = text_at(body, "destination.path");
  return end;
}

JsonObject endpoint_record(const Endpoint& end) {
  JsonObject out{{"path", end.path},
                 {"cluster", {{"name", end.cluster->name}, {"uuid", end.cluster->uuid}}}};
  if (end.kind == Endpoint::Kind::kObjectStore) {
    out["uuid"] = text_at(end.svm, "uuid");
  } else {
    out["svm"] = end.svm;
  }
  if (end.kind == Endpoint::Kind::kGroup) {
    JsonArray names;
    for (const std::string& uuid : endpoint_volumes(*end.cluster, end)) {
      names.push_back({{"name", text_at(*end.cluster->find(kind::kVolume, uuid), "name")}});
    }
    out["consistency_group_volumes"] = std::move(names);
  }
  return out;
}

std::vector<std::string> endpoint_volumes(const Cluster& cluster, const Endpoint& end) {
  std::vector<std::string> out;
  const std::string svm = text_at(end.svm, "name");
  if (end.kind == Endpoint::Kind::kVolume) {
    const JsonObject* volume = volume_by_name(cluster, svm, end.name);
    if (volume != nullptr && !is_pending(*volume)) {
      out.push_back(text_at(*volume, "uuid"));
    }
  } else if (end.kind == Endpoint::Kind::kGroup) {
    for (const auto& [id, group] : cluster.rows(kind::kGroup)) {
      if (text_at(group, "name") == end.name && text_at(group, "svm.name") == svm) {
        for (const JsonObject& volume : objects_at(group, "volumes")) {
          out.push_back(text_at(volume, "uuid"));
        }
      }
    }
  } else if (end.kind == Endpoint::Kind::kSvm) {
    for (const auto& [uuid, volume] : cluster.rows(kind::kVolume)) {
      if (text_at(volume, "svm.name") == svm && !is_pending(volume)) {
        out.push_back(uuid);
      }
    }
  }
  return out;
}

std::vector<VolumePair> pairs_of(const JsonObject& relationship) {
  std::vector<VolumePair> out;
  for (const JsonObject& pair : objects_at(relationship, "_sim.pairs")) {
    out.push_back({text_at(pair, "source"), text_at(pair, "destination")});
  }
  return out;
}

Cluster* source_cluster(World& world, const JsonObject& relationship) {
  return world.cluster_by_name(text_at(relationship, "source.cluster.name"));
}

bool is_cloud(const JsonObject& relationship) {
  return text_at(relationship, "destination.path").find(":/objstore") != std::string::npos ||
         is_from_store(relationship);
}

bool is_from_store(const JsonObject& relationship) {
  return text_at(relationship, "source.path").find(":/objstore") != std::string::npos;
}

Outcome<JsonObject> mirror_policy(const Cluster& cluster, const JsonObject& body) {
  const std::string uuid = text_at(body, "policy.uuid");
  std::string name = text_at(body, "policy.name", uuid.empty() ? "Asynchronous" : "");
  const JsonObject* found = uuid.empty() ? cluster.find_by(kind::kMirrorPolicy, "name", name)
                                         : cluster.find(kind::kMirrorPolicy, uuid);
  if (found == nullptr) {
    return bad(
        13303821,
        fmt::format("The SnapMirror policy \"{}\" does not exist.", uuid.empty() ? name : uuid),
        "policy");
  }
  return *found;
}

bool policy_takes(const JsonObject& policy, const JsonObject& snapshot) {
  if (flag_at(policy, "copy_all_source_snapshots")) {
    return true;
  }
  const std::string label = text_at(snapshot, "snapmirror_label");
  if (label.empty()) {
    return false;
  }
  for (const JsonObject& rule : objects_at(policy, "retention")) {
    if (text_at(rule, "label") == label) {
      return true;
    }
  }
  return false;
}

bool policy_makes_snapshots(const JsonObject& policy) {
  return flag_at(policy, "create_snapshot_on_source", true);
}

std::string active_state(const JsonObject& policy) {
  return text_at(policy, "type", "async") == "async" ? "snapmirrored" : "in_sync";
}

}  // namespace holdfast::ontap_sim

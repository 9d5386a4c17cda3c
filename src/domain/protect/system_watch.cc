#include "domain/protect/system_watch.h"

#include <fmt/core.h>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "domain/inventory/systems.h"
#include "domain/protect/notifications.h"
#include "domain/protect/system_access.h"
#include "drivers/storage/ontap/events.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/inventory.h"
#include "drivers/storage/ontap/manager.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;
using inventory::AggregateSpace;
using inventory::SystemEvent;

// A cluster's log has no state: what is older counts as over.
constexpr Nanoseconds kLogCounts = std::chrono::hours(24);
constexpr Nanoseconds kKeepClosed = std::chrono::hours(24 * 30);
constexpr Nanoseconds kFindEvery = std::chrono::hours(1);
constexpr std::int64_t kFullPercent = 90;

SystemEvent to_row(const ontap::StorageEvent& event) {
  return {event.id,       event.system, event.cluster,  event.name,
          event.severity, event.text,   event.resource, event.time};
}

bool is_serious(const ontap::StorageEvent& event) {
  return event.severity != "normal" && event.severity != "information" &&
         event.severity != "warning" && event.state != "acknowledged";
}

// Volumes that the cluster itself believes to be under attack.
Co<Result<std::vector<SystemEvent>>> attacks_on(ontap::ClusterPtr cluster) {
  HF_CO_TRY(const auto volumes,
            co_await ontap::list_volumes(
                cluster, {{"anti_ransomware.attack_probability", "moderate|high"}}));
  std::vector<SystemEvent> events;
  for (const ontap::VolumeInfo& volume : volumes) {
    const std::string name = volume.svm + ":" + volume.name;
    events.push_back({"attack/" + volume.uuid, cluster->system, cluster->name,
                      "anti_ransomware.attack", volume.attack_probability,
                      fmt::format("ransomware protection of {} sees a {} probability of an attack",
                                  name, volume.attack_probability),
                      name, std::nullopt});
  }
  co_return events;
}

Co<Result<std::vector<SystemEvent>>> serious_events(std::shared_ptr<ontap::System> system,
                                                    UtcTime since) {
  std::vector<SystemEvent> events;
  if (system->endpoint().kind == ontap::SystemKind::kUnifiedManager) {
    HF_CO_TRY(const auto open, co_await ontap::open_events(system));
    for (const ontap::StorageEvent& event : open) {
      if (is_serious(event)) {
        events.push_back(to_row(event));
      }
    }
  }
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY(const auto log, co_await ontap::ems_events(cluster, since));
    for (const ontap::StorageEvent& event : log) {
      events.push_back(to_row(event));
      events.back().id = cluster->uuid + "/" + event.id;
    }
    HF_CO_TRY(const auto attacks, co_await attacks_on(cluster));
    events.insert(events.end(), attacks.begin(), attacks.end());
  }
  co_return events;
}

template <class Aggregate>
AggregateSpace space_of(const std::string& system, const std::string& cluster,
                        const Aggregate& one) {
  return {system,
          cluster,
          one.name,
          static_cast<std::int64_t>(one.size),
          static_cast<std::int64_t>(one.used),
          static_cast<std::int64_t>(one.logical_used),
          static_cast<std::int64_t>(one.savings)};
}

// Unified Manager tells of all its clusters in two lists; a cluster of itself in one.
Co<Result<std::vector<AggregateSpace>>> capacity_of(std::shared_ptr<ontap::System> system) {
  const std::string name = system->endpoint().name;
  std::vector<AggregateSpace> space;
  if (system->endpoint().kind == ontap::SystemKind::kUnifiedManager) {
    HF_CO_TRY(const auto known, co_await ontap::take_manager_capacity(system));
    for (const ontap::ManagedAggregate& one : known.aggregates) {
      space.push_back(space_of(name, one.cluster, one));
    }
    co_return space;
  }
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY(const auto aggregates, co_await ontap::list_aggregates(cluster));
    for (const ontap::AggregateInfo& one : aggregates) {
      space.push_back(space_of(name, cluster->name, one));
    }
  }
  co_return space;
}

void add_full_aggregates(const std::vector<AggregateSpace>& space,
                         std::vector<SystemEvent>& events) {
  for (const AggregateSpace& one : space) {
    const std::int64_t percent = one.size == 0 ? 0 : one.used * 100 / one.size;
    if (percent >= kFullPercent) {
      events.push_back({"full/" + one.cluster + "/" + one.name, one.system, one.cluster,
                        "capacity.nearly_full", "error",
                        fmt::format("aggregate {} of {} is {}% full: snapshots and replicas on it "
                                    "fail when it is full",
                                    one.name, one.cluster, percent),
                        one.name, std::nullopt});
    }
  }
}

// What is no fault of a moment: snapshots of others are no reason to wake anybody.
bool wants_attention(ontap::FindingKind kind) {
  return kind == ontap::FindingKind::kLeakedClone || kind == ontap::FindingKind::kUnsplitVolume ||
         kind == ontap::FindingKind::kUnhealthyRelation ||
         kind == ontap::FindingKind::kDirectionChanged || kind == ontap::FindingKind::kBrokenMirror;
}

void show(const std::string& system, bool answers, size_t open,
          const std::vector<AggregateSpace>& space) {
  const Labels labels{{"system", system}};
  gauge("holdfast_storage_system_up", "Whether a storage system answered the last look", labels)
      .set(answers ? 1 : 0);
  if (!answers) {
    return;
  }
  gauge("holdfast_storage_events_open", "Open events and findings of a storage system", labels)
      .set(static_cast<double>(open));
  std::map<std::string, AggregateSpace> clusters;
  for (const AggregateSpace& one : space) {
    AggregateSpace& sum = clusters[one.cluster];
    sum.size += one.size;
    sum.used += one.used;
    sum.logical_used += one.logical_used;
  }
  for (const auto& [cluster, sum] : clusters) {
    for (const auto& [kind, value] : {std::pair("size", sum.size), std::pair("used", sum.used),
                                      std::pair("logical_used", sum.logical_used)}) {
      gauge("holdfast_storage_bytes", "Bytes of a cluster's aggregates",
            {{"system", system}, {"cluster", cluster}, {"kind", kind}})
          .set(static_cast<double>(value));
    }
  }
}

}  // namespace

Co<Result<std::vector<SystemEvent>>> SystemWatch::findings_on(
    std::shared_ptr<ontap::System> system) {
  const std::string name = system->endpoint().name;
  const MonoTime now = context_.clock.mono();
  if (const auto known = findings_.find(name);
      known != findings_.end() && now < known->second.at + kFindEvery) {
    co_return known->second.events;
  }
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  HF_CO_TRY(CatalogKnowledge knowledge, co_await catalog_knowledge(&services_));
  const auto kept = std::make_shared<const CatalogKnowledge>(std::move(knowledge));
  std::vector<SystemEvent> events;
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY(const auto found,
              co_await ontap::find_discrepancies(cluster, known_on(kept, cluster->name), false));
    for (const ontap::Finding& finding : found) {
      if (wants_attention(finding.kind)) {
        const std::string kind(ontap::finding_name(finding.kind));
        events.push_back({kind + "/" + cluster->name + "/" + finding.object, name, cluster->name,
                          kind, "warning", finding.detail, finding.object, std::nullopt});
      }
    }
  }
  findings_[name] = {now, events};
  co_return events;
}

Co<Result<std::vector<SystemEvent>>> SystemWatch::open_on(std::shared_ptr<ontap::System> system,
                                                          std::vector<AggregateSpace>* space) {
  HF_CO_TRY_VOID(co_await system->refresh());
  HF_CO_TRY(auto events, co_await serious_events(system, context_.clock.now() - kLogCounts));
  HF_CO_TRY(*space, co_await capacity_of(system));
  add_full_aggregates(*space, events);
  HF_CO_TRY(const auto findings, co_await findings_on(system));
  events.insert(events.end(), findings.begin(), findings.end());
  co_return events;
}

Co<void> SystemWatch::tell(SystemEvent event) {
  log_warn("storage.alert", {{"system", event.system},
                             {"cluster", event.cluster},
                             {"name", event.name},
                             {"severity", event.severity},
                             {"resource", event.resource}});
  notify::Notification message;
  message.dedup_key = "storage/" + event.system + "/" + event.id;
  message.event = "storage.alert";
  message.severity = notify::Severity::kError;
  message.subject = fmt::format("{} on {}: {}", event.name, event.system, event.resource);
  message.text = event.text;
  message.time = context_.clock.now();
  const Status told = co_await tell_all(context_, channels_, std::move(message));
  if (!told) {
    log_warn("storage.alert_not_told", {{"error", told.error().to_string()}});
  }
}

Co<Status> SystemWatch::look_at(std::shared_ptr<ontap::System> system) {
  const UtcTime now = context_.clock.now();
  const std::string name = system->endpoint().name;
  std::vector<AggregateSpace> space;
  const auto found = co_await open_on(system, &space);
  const std::string problem = found ? "" : found.error().to_string();
  const std::vector<SystemEvent> open = found ? *found : std::vector<SystemEvent>();
  show(name, found.has_value(), open.size(), space);
  HF_CO_TRY(
      const auto fresh,
      co_await context_.db.write([=](db::Connection& sql) -> Result<std::vector<SystemEvent>> {
        if (problem.empty()) {
          HF_TRY_VOID(inventory::note_capacity(sql, name, space));
        }
        return inventory::note_look(sql, name, problem, open, now, now - kKeepClosed);
      }));
  for (const SystemEvent& event : fresh) {
    co_await tell(event);
  }
  co_return Status();
}

Co<Status> SystemWatch::pass(const std::atomic<bool>* stop) {
  seen_ = data_.systems().generation();
  std::erase_if(shown_, [this](const std::string& name) {
    const bool gone = data_.systems().find(name) == nullptr;
    if (gone) {
      remove_gauges({{"system", name}});
      findings_.erase(name);
    }
    return gone;
  });
  for (const auto& system : data_.systems().all()) {
    shown_.insert(system->endpoint().name);
    if (*stop) {
      co_return Status();
    }
    HF_CO_TRY_VOID(co_await look_at(system));
  }
  co_return Status();
}

}  // namespace holdfast::protect

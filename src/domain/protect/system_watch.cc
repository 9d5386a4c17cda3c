#include "domain/protect/system_watch.h"

#include <fmt/core.h>

#include "core/base/log.h"
#include "domain/inventory/systems.h"
#include "domain/protect/notifications.h"
#include "drivers/storage/ontap/events.h"
#include "drivers/storage/ontap/volumes.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;
using inventory::SystemEvent;

// A cluster's log has no state: what is older counts as over.
constexpr Nanoseconds kLogCounts = std::chrono::hours(24);
constexpr Nanoseconds kKeepClosed = std::chrono::hours(24 * 30);

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

}  // namespace

Co<Status> SystemWatch::look_at(std::shared_ptr<ontap::System> system) {
  const UtcTime now = context_.clock.now();
  const std::string name = system->endpoint().name;
  const auto found = co_await serious_events(system, now - kLogCounts);
  const std::string problem = found ? "" : found.error().to_string();
  const std::vector<SystemEvent> open = found ? *found : std::vector<SystemEvent>();
  HF_CO_TRY(const auto fresh, co_await context_.db.write([=](db::Connection& sql) {
    return inventory::note_look(sql, name, problem, open, now, now - kKeepClosed);
  }));
  for (const SystemEvent& event : fresh) {
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
    message.time = now;
    const Status told = co_await tell_all(context_, channels_, std::move(message));
    if (!told) {
      log_warn("storage.alert_not_told", {{"error", told.error().to_string()}});
    }
  }
  co_return Status();
}

Co<Status> SystemWatch::pass(const std::atomic<bool>* stop) {
  seen_ = data_.systems().generation();
  for (const auto& system : data_.systems().all()) {
    if (*stop) {
      co_return Status();
    }
    HF_CO_TRY_VOID(co_await look_at(system));
  }
  co_return Status();
}

}  // namespace holdfast::protect

#include "domain/protect/system_watch.h"

#include <fmt/core.h>

#include "core/base/log.h"
#include "domain/inventory/systems.h"
#include "domain/protect/notifications.h"
#include "domain/protect/system_figures.h"
#include "drivers/storage/ontap/events.h"

namespace holdfast::protect {
namespace {

namespace ontap = storage::ontap;
using async::Co;
using inventory::SystemEvent;
using inventory::SystemLook;

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

// What the system says now: its serious events, and what it measures.
Co<Result<SystemLook>> ask(std::shared_ptr<ontap::System> system, UtcTime since) {
  SystemLook look;
  look.system = system->endpoint().name;
  const bool watched = system->endpoint().kind == ontap::SystemKind::kUnifiedManager;
  if (watched) {
    HF_CO_TRY(const auto open, co_await ontap::open_events(system));
    for (const ontap::StorageEvent& event : open) {
      if (is_serious(event)) {
        look.open.push_back(to_row(event));
      }
    }
  }
  HF_CO_TRY(const auto clusters, co_await system->clusters());
  std::vector<ontap::ClusterInventory> inventories;
  for (const ontap::ClusterPtr& cluster : clusters) {
    HF_CO_TRY(const auto log, co_await ontap::ems_events(cluster, since));
    for (const ontap::StorageEvent& event : log) {
      look.open.push_back(to_row(event));
      look.open.back().id = cluster->uuid + "/" + event.id;
    }
    HF_CO_TRY(inventories.emplace_back(), co_await ontap::take_inventory(cluster));
    const auto alarms = alarms_of(inventories.back(), !watched);
    look.open.insert(look.open.end(), alarms.begin(), alarms.end());
  }
  look.figures = figures_of(inventories);
  co_return look;
}

}  // namespace

Co<Status> SystemWatch::look_at(std::shared_ptr<ontap::System> system) {
  const UtcTime now = context_.clock.now();
  auto answer = co_await ask(system, now - kLogCounts);
  const SystemLook look =
      answer ? std::move(*answer)
             : SystemLook{system->endpoint().name, answer.error().to_string(), {}, {}};
  HF_CO_TRY(const auto fresh, co_await context_.db.write([=](db::Connection& sql) {
    return inventory::note_look(sql, look, now, now - kKeepClosed);
  }));
  publish(look);
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

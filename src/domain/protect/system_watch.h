// What storage systems report, asked for now and then: kept for doctor and status reports, told to
// the channels, shown as metrics.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "domain/activities/data_context.h"
#include "domain/inventory/systems.h"
#include "domain/protect/server_context.h"
#include "domain/protect/services.h"
#include "drivers/notify/channel.h"

namespace holdfast::protect {

// Everything given outlives it. One pass at a time.
class SystemWatch {
 public:
  SystemWatch(const ServerContext& context, flow::Client& client,
              const activities::DataContext& data, const notify::ChannelServices& channels)
      : context_(context), data_(data), services_{context, data, client}, channels_(channels) {}

  // Asks every system which clusters there are, for its serious events, for volumes that look
  // attacked and for how full it is; and once an hour, for what was left behind and for mirrors
  // that do not do what they should. Every channel that wants the event `storage.alert` hears of
  // each new one once; a system that does not answer is noted with its reason. Ends early when
  // `stop` says so.
  async::Co<Status> pass(const std::atomic<bool>* stop);
  // Whether systems were added, changed or removed since the last pass began.
  bool has_news() const { return data_.systems().generation() != seen_; }

 private:
  struct Findings {
    MonoTime at;
    std::vector<inventory::SystemEvent> events;
  };

  async::Co<Status> look_at(std::shared_ptr<storage::ontap::System> system);
  // Everything that is open on it now, and how full it is.
  async::Co<Result<std::vector<inventory::SystemEvent>>> open_on(
      std::shared_ptr<storage::ontap::System> system,
      std::vector<inventory::AggregateSpace>* space);
  // From the last hour's look.
  async::Co<Result<std::vector<inventory::SystemEvent>>> findings_on(
      std::shared_ptr<storage::ontap::System> system);
  async::Co<void> tell(inventory::SystemEvent event);

  const ServerContext& context_;
  const activities::DataContext& data_;
  const Services services_;
  const notify::ChannelServices& channels_;
  std::map<std::string, Findings> findings_;  // by system
  std::set<std::string> shown_;               // systems that have metrics
  std::uint64_t seen_ = 0;
};

}  // namespace holdfast::protect

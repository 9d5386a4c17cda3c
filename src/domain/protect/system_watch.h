// What storage systems report, asked for now and then: kept for doctor, told to the channels.
#pragma once

#include "domain/activities/data_context.h"
#include "domain/protect/server_context.h"
#include "drivers/notify/channel.h"

namespace holdfast::protect {

// Everything given outlives it. One pass at a time.
class SystemWatch {
 public:
  SystemWatch(const ServerContext& context, const activities::DataContext& data,
              const notify::ChannelServices& channels)
      : context_(context), data_(data), channels_(channels) {}

  // Asks every system for its serious events and for what it measures (system_figures.h). Every
  // channel that wants the event `storage.alert` hears of each new one once; a system that does not
  // answer is noted with its reason. Ends early when `stop` says so.
  async::Co<Status> pass(const std::atomic<bool>* stop);
  // Whether systems were added, changed or removed since the last pass began.
  bool has_news() const { return data_.systems().generation() != seen_; }

 private:
  async::Co<Status> look_at(std::shared_ptr<storage::ontap::System> system);

  const ServerContext& context_;
  const activities::DataContext& data_;
  const notify::ChannelServices& channels_;
  std::uint64_t seen_ = 0;
};

}  // namespace holdfast::protect

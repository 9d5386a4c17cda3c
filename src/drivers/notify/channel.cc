#include "drivers/notify/channel.h"

namespace holdfast::notify {

std::unique_ptr<Channel> make_channel(ChannelConfig config, ChannelServices services) {
  return config.type == "webhook" ? make_webhook_channel(std::move(config), services)
                                  : make_log_channel(std::move(config), services);
}

async::Co<std::vector<DeliveryRecord>> dispatch(std::vector<ChannelConfig> channels,
                                                Notification notification, ChannelServices services,
                                                bool regardless) {
  std::vector<DeliveryRecord> records;
  for (const ChannelConfig& config : channels) {
    if (!regardless && !wants(config, notification)) {
      records.push_back({.channel = config.name,
                         .kind = config.type,
                         .dedup_key = notification.dedup_key,
                         .outcome = DeliveryRecord::Outcome::kNotWanted,
                         .retry = Retry::kPermanent,
                         .detail = "the channel does not listen to this event and severity",
                         .time = services.clock->now()});
      continue;
    }
    const auto channel = make_channel(config, services);
    DeliveryRecord record = co_await channel->send(notification);
    records.push_back(std::move(record));
  }
  co_return records;
}

}  // namespace holdfast::notify

// Telling the channels: the activity notify.send and the test of one channel.
#pragma once

#include <string>
#include <vector>

#include "domain/protect/server_context.h"
#include "drivers/notify/channel.h"
#include "flow/activity.h"

namespace holdfast::protect {

// Registers notify.send {"channels", "event", "severity", "subject", "text", "fields"}. A repeated
// attempt tells only the channels that have not heard yet. Everything given outlives the registry.
void register_notification_activity(flow::ActivityRegistry& registry, const ServerContext& context,
                                    const notify::ChannelServices& services);

// Tells every channel that wants the message, now. kUnavailable: one of them could not be told.
async::Co<Status> tell_all(const ServerContext& context, notify::ChannelServices services,
                           notify::Notification message);

// Sends a test message through one channel, whatever events it wants. kNotFound: no such channel.
async::Co<Result<notify::DeliveryRecord>> test_channel(const ServerContext& context,
                                                       notify::ChannelServices services,
                                                       std::string name, std::string requested_by);

}  // namespace holdfast::protect

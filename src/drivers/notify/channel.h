// The port to where notifications go, and the channels there are.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/async/co.h"
#include "core/async/pool.h"
#include "core/net/http_client.h"
#include "drivers/notify/config.h"
#include "drivers/notify/notification.h"

namespace holdfast::notify {

// What channels stand on; all outlive them.
struct ChannelServices {
  net::HttpClient* http = nullptr;
  async::Pool* files = nullptr;
  env::Clock* clock = nullptr;
};

// Methods may be called from any thread. A channel must outlive the coroutines of send().
class Channel {
 public:
  virtual ~Channel() = default;

  virtual const std::string& name() const = 0;
  virtual std::string_view kind() const = 0;

  // Tries once and says what became of it; repetitions are the caller's. A receiver may see one
  // message twice, under the same dedup key.
  virtual async::Co<DeliveryRecord> send(Notification notification) = 0;
};

// Appends one line of JSON to a file, or writes the event `notification` to the process's log.
std::unique_ptr<Channel> make_log_channel(ChannelConfig config, ChannelServices services);

// POSTs the notification as JSON. With a secret the request is signed as Standard Webhooks 1.0 has
// it: webhook-id, webhook-timestamp and webhook-signature, which is "v1," and the base64 of
// HMAC-SHA-256 over "ID.TIMESTAMP.BODY". The secret is the file's text without its last line end;
// one that starts with whsec_ is base64 after that. It is read anew for every message.
std::unique_ptr<Channel> make_webhook_channel(ChannelConfig config, ChannelServices services);

// The channel of a decoded configuration.
std::unique_ptr<Channel> make_channel(ChannelConfig config, ChannelServices services);

// Tells every channel that wants it, one after the other, and gives one record for each channel:
// one failure keeps nobody else from hearing. `regardless` overrides what channels want, for tests
// of a channel by its owner.
async::Co<std::vector<DeliveryRecord>> dispatch(std::vector<ChannelConfig> channels,
                                                Notification notification, ChannelServices services,
                                                bool regardless = false);

}  // namespace holdfast::notify

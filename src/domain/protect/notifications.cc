#include "domain/protect/notifications.h"

#include <fmt/core.h>

#include <algorithm>

#include "domain/protect/policy_store.h"

namespace holdfast::protect {
namespace {

using notify::DeliveryRecord;

std::vector<std::string> text_list(const Json* value) {
  std::vector<std::string> texts;
  if (value != nullptr && value->is_array()) {
    for (const Json& item : value->get_array()) {
      texts.emplace_back(item.is_string() ? item.get_string() : boost::json::string());
    }
  }
  return texts;
}

// The configurations of the named channels that are not in `told`.
Result<std::vector<notify::ChannelConfig>> configurations(const ServerContext& context,
                                                          std::vector<std::string> names,
                                                          const std::vector<std::string>& told) {
  std::erase_if(names, [&](const std::string& name) {
    return std::find(told.begin(), told.end(), name) != told.end();
  });
  return context.db.read_blocking(
      [names](db::Connection& sql) -> Result<std::vector<notify::ChannelConfig>> {
        std::vector<notify::ChannelConfig> configs;
        for (const std::string& name : names) {
          HF_TRY(const ChannelRow row, find_channel(sql, name));
          HF_TRY(notify::ChannelConfig config, notify::decode_channel(row.document));
          configs.push_back(std::move(config));
        }
        return configs;
      });
}

// One sentence over all channels, and an error when one of them may still hear.
Result<Json> conclude(const std::vector<std::string>& told,
                      const std::vector<DeliveryRecord>& records) {
  std::string failed;
  Retry retry = Retry::kPermanent;
  size_t delivered = told.size();
  for (const DeliveryRecord& record : records) {
    if (record.outcome == DeliveryRecord::Outcome::kFailed) {
      failed += fmt::format("{}{}: {}", failed.empty() ? "" : "; ", record.channel, record.detail);
      retry = record.retry == Retry::kPermanent ? retry : Retry::kTransient;
    } else if (record.delivered()) {
      ++delivered;
    }
  }
  if (!failed.empty()) {
    return Error(Code::kUnavailable, "not every channel could be told: " + failed, retry);
  }
  return Json(JsonObject{{"detail", fmt::format("{} channels told", delivered)}});
}

async::Co<Result<Json>> send(const ServerContext* context, notify::ChannelServices services,
                             flow::ActivityContext* activity, Json input) {
  const std::optional<Json> before = activity->last_heartbeat();
  std::vector<std::string> told = text_list(before ? find(*before, "told") : nullptr);
  HF_CO_TRY(auto configs, configurations(*context, text_list(find(input, "channels")), told));
  HF_CO_TRY(notify::Notification message, notify::decode_notification(input));
  message.dedup_key = activity->idempotency_key();
  message.time = context->clock.now();
  const auto trace = activity->info().header.find("traceparent");
  message.traceparent = trace == activity->info().header.end() ? "" : trace->second;
  const std::vector<DeliveryRecord> records =
      co_await notify::dispatch(std::move(configs), std::move(message), services);
  JsonArray done(told.begin(), told.end());
  for (const DeliveryRecord& record : records) {
    if (record.outcome != DeliveryRecord::Outcome::kFailed) {
      done.push_back(Json(record.channel));
    }
  }
  activity->heartbeat(JsonObject{{"told", std::move(done)}});
  co_return conclude(told, records);
}

}  // namespace

void register_notification_activity(flow::ActivityRegistry& registry, const ServerContext& context,
                                    const notify::ChannelServices& services) {
  registry.add_co("notify.send",
                  [&context, &services](flow::ActivityContext& activity, Json input) {
                    Json message = JsonObject{};
                    for (const std::string_view key :
                         {"channels", "event", "severity", "subject", "text", "fields"}) {
                      if (const Json* value = find(input, key)) {
                        message.get_object()[key] = *value;
                      }
                    }
                    return send(&context, services, &activity, std::move(message));
                  });
}

async::Co<Status> tell_all(const ServerContext& context, notify::ChannelServices services,
                           notify::Notification message) {
  HF_CO_TRY(const auto rows,
            co_await context.db.read([](db::Connection& sql) { return list_channels(sql); }));
  std::vector<notify::ChannelConfig> configs;
  for (const ChannelRow& row : rows) {
    HF_CO_TRY(notify::ChannelConfig config, notify::decode_channel(row.document));
    configs.push_back(std::move(config));
  }
  const std::vector<DeliveryRecord> records =
      co_await notify::dispatch(std::move(configs), std::move(message), services);
  co_return status_of(conclude({}, records));
}

async::Co<Result<DeliveryRecord>> test_channel(const ServerContext& context,
                                               notify::ChannelServices services, std::string name,
                                               std::string requested_by) {
  HF_CO_TRY(auto configs, configurations(context, {name}, {}));
  notify::Notification message;
  message.dedup_key = context.new_id("test_");
  message.event = "channel.test";
  message.subject = "Test of the channel " + name;
  message.text = "Holdfast can reach this channel. Requested by " + requested_by + ".";
  message.time = context.clock.now();
  std::vector<DeliveryRecord> records = co_await notify::dispatch(
      std::move(configs), std::move(message), services, /*regardless=*/true);
  co_return records.front();
}

}  // namespace holdfast::protect

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "core/async/run.h"
#include "core/base/log.h"
#include "drivers/notify/channel.h"

namespace holdfast::notify {
namespace {

// One write per line: lines of several processes do not mix.
Status append_line(const std::string& path, const std::string& line) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
  if (file < 0) {
    return io_error(errno, "open", path);
  }
  const ssize_t written = ::write(file, line.data(), line.size());
  const int cause = written < 0 ? errno : ENOSPC;
  ::close(file);
  if (written != static_cast<ssize_t>(line.size())) {
    return io_error(cause, "append to", path);
  }
  return {};
}

void write_log(const Notification& notification) {
  const LogLevel level = notification.severity == Severity::kError     ? LogLevel::kError
                         : notification.severity == Severity::kWarning ? LogLevel::kWarn
                                                                       : LogLevel::kInfo;
  log_event(level, "notification",
            {{"id", notification.dedup_key},
             {"event", notification.event},
             {"subject", notification.subject},
             {"text", notification.text},
             {"fields", to_text(Json(notification.fields))},
             {"traceparent", notification.traceparent}});
}

class LogChannel final : public Channel {
 public:
  LogChannel(ChannelConfig config, ChannelServices services)
      : config_(std::move(config)), services_(services) {}

  const std::string& name() const override { return config_.name; }
  std::string_view kind() const override { return "log"; }

  async::Co<DeliveryRecord> send(Notification notification) override {
    DeliveryRecord record{.channel = config_.name,
                          .kind = "log",
                          .dedup_key = notification.dedup_key,
                          .outcome = DeliveryRecord::Outcome::kDelivered,
                          .retry = Retry::kPermanent,
                          .detail = "written to the server's log",
                          .time = services_.clock->now()};
    if (config_.file.empty()) {
      write_log(notification);
      co_return record;
    }
    std::string line = to_text(to_json(notification)) + "\n";
    auto append = [path = config_.file, line = std::move(line)] { return append_line(path, line); };
    const Status written = co_await async::run_on(*services_.files, std::move(append));
    record.detail = "appended to " + config_.file;
    if (!written) {
      record.outcome = DeliveryRecord::Outcome::kFailed;
      record.retry = written.error().retry();
      record.detail = written.error().to_string();
    }
    co_return record;
  }

 private:
  ChannelConfig config_;
  ChannelServices services_;
};

}  // namespace

std::unique_ptr<Channel> make_log_channel(ChannelConfig config, ChannelServices services) {
  return std::make_unique<LogChannel>(std::move(config), services);
}

}  // namespace holdfast::notify

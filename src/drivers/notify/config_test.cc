#include "drivers/notify/config.h"

#include <gtest/gtest.h>

namespace holdfast::notify {
namespace {

Result<ChannelConfig> decode(std::string_view text) {
  auto document = parse_json(text);
  EXPECT_TRUE(document) << document.error().to_string();
  return decode_channel(*document);
}

std::string problems(std::string_view text) {
  const auto channel = decode(text);
  EXPECT_FALSE(channel);
  return channel ? "" : channel.error().to_string();
}

Notification about(std::string event, Severity severity) {
  Notification out;
  out.event = std::move(event);
  out.severity = severity;
  return out;
}

TEST(ChannelConfig, DecodesAWebhook) {
  const auto channel = decode(R"({"kind": "channel", "name": "ops", "type": "webhook",
      "url": "https://hooks.example.org/x", "secret_file": "/etc/holdfast/hook",
      "events": ["backup.*", "proof.failed"], "min_severity": "warning"})");
  ASSERT_TRUE(channel) << channel.error().to_string();
  EXPECT_EQ(channel->name, "ops");
  EXPECT_EQ(channel->type, "webhook");
  EXPECT_EQ(channel->url, "https://hooks.example.org/x");
  EXPECT_EQ(channel->secret_file, "/etc/holdfast/hook");
  EXPECT_EQ(channel->events.size(), 2u);
  EXPECT_EQ(channel->min_severity, Severity::kWarning);
}

TEST(ChannelConfig, DecodesALogWithNothingElse) {
  const auto channel = decode(R"({"kind": "channel", "name": "log", "type": "log"})");
  ASSERT_TRUE(channel) << channel.error().to_string();
  EXPECT_TRUE(channel->file.empty());
  EXPECT_EQ(channel->min_severity, Severity::kInfo);
}

TEST(ChannelConfig, ListsEveryProblemWithItsPlace) {
  const std::string text = problems(R"({"kind": "channel", "type": "webhook", "file": "/x",
      "secret_file": "hook", "events": ["a*"], "min_severity": "loud", "colour": "red"})");
  for (const char* place :
       {"/name", "/url", "/file", "/secret_file", "/events", "/min_severity", "/colour"}) {
    EXPECT_NE(text.find(place), std::string::npos) << place << " in " << text;
  }
}

TEST(ChannelConfig, RefusesOtherKindsAndTypes) {
  EXPECT_NE(problems(R"({"kind": "policy", "name": "n", "type": "log"})").find("/kind"),
            std::string::npos);
  EXPECT_NE(problems(R"({"kind": "channel", "name": "n", "type": "pigeon"})").find("/type"),
            std::string::npos);
  EXPECT_NE(problems(R"({"kind": "channel", "name": "n", "type": "webhook", "url": "ftp://h/"})")
                .find("/url"),
            std::string::npos);
  EXPECT_FALSE(decode("[]"));
}

TEST(Routing, LetsThroughWhatIsSevereEnough) {
  ChannelConfig channel;
  channel.min_severity = Severity::kWarning;
  EXPECT_FALSE(wants(channel, about("backup.completed", Severity::kInfo)));
  EXPECT_TRUE(wants(channel, about("backup.partial", Severity::kWarning)));
  EXPECT_TRUE(wants(channel, about("backup.failed", Severity::kError)));
}

TEST(Routing, LetsThroughTheEventsThatAreNamed) {
  ChannelConfig channel;
  channel.events = {"backup.*", "proof.failed"};
  EXPECT_TRUE(wants(channel, about("backup.completed", Severity::kInfo)));
  EXPECT_TRUE(wants(channel, about("proof.failed", Severity::kError)));
  EXPECT_FALSE(wants(channel, about("proof.completed", Severity::kError)));
  EXPECT_FALSE(wants(channel, about("backups", Severity::kError)));
  channel.events = {"*"};
  EXPECT_TRUE(wants(channel, about("anything", Severity::kInfo)));
}

TEST(Notification, ReadsWhatAWorkflowSays) {
  const auto message = parse_json(R"({"channels": ["ops"], "event": "backup.failed",
      "severity": "error", "subject": "Backup of db failed", "text": "disk full",
      "fields": {"run": "run_1"}})");
  const auto notification = decode_notification(*message);
  ASSERT_TRUE(notification) << notification.error().to_string();
  EXPECT_EQ(notification->event, "backup.failed");
  EXPECT_EQ(notification->severity, Severity::kError);
  EXPECT_EQ(get_string(notification->fields, "run"), "run_1");
  EXPECT_FALSE(decode_notification(*parse_json(R"({"event": "x"})")));
}

TEST(Severity, ReadsWhatItWrites) {
  for (const auto value : {Severity::kInfo, Severity::kWarning, Severity::kError}) {
    EXPECT_EQ(*parse_severity(severity_name(value)), value);
  }
  EXPECT_FALSE(parse_severity("fatal"));
}

}  // namespace
}  // namespace holdfast::notify

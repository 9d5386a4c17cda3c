#include "drivers/notify/channel.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <future>
#include <sstream>

#include "core/async/run.h"
#include "core/env/sim/manual_clock.h"
#include "core/net/testing/scripted_peer.h"

namespace holdfast::notify {
namespace {

using net::testing::PeerConnection;
using net::testing::ScriptedPeer;
using Outcome = DeliveryRecord::Outcome;

class ChannelTest : public ::testing::Test {
 protected:
  ChannelTest() {
    std::string pattern = ::testing::TempDir() + "/holdfast-notify-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    http_ = *net::HttpClient::create(clock_, {});
  }
  ~ChannelTest() override { std::filesystem::remove_all(folder_); }

  ChannelServices services() { return {.http = http_.get(), .files = &files_, .clock = &clock_}; }
  DeliveryRecord send(ChannelConfig config, Notification notification) {
    const auto channel = make_channel(std::move(config), services());
    return async::block_on(loop_.executor(), channel->send(std::move(notification)));
  }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path(name)) << text;
    return path(name);
  }
  std::string read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(path(name)).rdbuf();
    return text.str();
  }

  env::ManualClock clock_{UtcTime(std::chrono::seconds(1'800'000'000))};
  async::Pool loop_{"loop", 1};
  async::Pool files_{"files", 1};
  std::unique_ptr<net::HttpClient> http_;
  std::string folder_;
};

Notification failed_backup() {
  Notification out;
  out.dedup_key = "msg_1";
  out.event = "backup.failed";
  out.severity = Severity::kError;
  out.subject = "Backup of db failed";
  out.text = "the disk is full";
  out.fields = {{"run", "run_1"}};
  out.time = UtcTime(std::chrono::seconds(1'799'999'990));
  out.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  return out;
}

ChannelConfig webhook(const std::string& url, const std::string& secret_file = "") {
  ChannelConfig config;
  config.name = "ops";
  config.type = "webhook";
  config.url = url;
  config.secret_file = secret_file;
  return config;
}

std::string header_of(const std::string& request, const std::string& name) {
  const size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) {
    return "";
  }
  const size_t from = at + name.size() + 4;
  return request.substr(from, request.find("\r\n", from) - from);
}

// Answers one request with a status and keeps what was asked.
ScriptedPeer::Script record(std::promise<std::string>& request, std::string status) {
  return [&request, status = std::move(status)](PeerConnection& connection) {
    request.set_value(connection.read_request());
    connection.reply(status, "");
  };
}

TEST_F(ChannelTest, PostsTheNotificationAsJson) {
  std::promise<std::string> seen;
  ScriptedPeer peer({record(seen, "204 No Content")});
  const DeliveryRecord result = send(webhook(peer.url("/hook")), failed_backup());
  EXPECT_TRUE(result.delivered()) << result.detail;
  EXPECT_EQ(result.channel, "ops");
  EXPECT_EQ(result.dedup_key, "msg_1");
  EXPECT_EQ(result.time, clock_.now());

  const std::string request = seen.get_future().get();
  EXPECT_TRUE(request.starts_with("POST /hook HTTP/1.1\r\n")) << request;
  EXPECT_EQ(header_of(request, "content-type"), "application/json");
  EXPECT_EQ(header_of(request, "webhook-id"), "msg_1");
  EXPECT_EQ(header_of(request, "webhook-timestamp"), "1800000000");
  EXPECT_EQ(header_of(request, "webhook-signature"), "");
  EXPECT_EQ(header_of(request, "traceparent"), failed_backup().traceparent);
  const auto body = parse_json(request.substr(request.find("\r\n\r\n") + 4));
  ASSERT_TRUE(body) << body.error().to_string();
  EXPECT_EQ(get_string(*body, "event"), "backup.failed");
  EXPECT_EQ(get_string(*body, "severity"), "error");
  EXPECT_EQ(get_string(*body, "time"), "2027-01-15T07:59:50Z");
  EXPECT_EQ(get_string(*find(*body, "fields"), "run"), "run_1");
}

// The expected signature was computed by another implementation from the body as text.
TEST_F(ChannelTest, SignsWithTheSecret) {
  for (const std::string secret : {"c2VjcmV0\n", "whsec_YzJWamNtVjA="}) {
    std::promise<std::string> seen;
    ScriptedPeer peer({record(seen, "200 OK")});
    const auto result = send(webhook(peer.url(), write("secret", secret)), failed_backup());
    EXPECT_TRUE(result.delivered()) << result.detail;
    EXPECT_EQ(header_of(seen.get_future().get(), "webhook-signature"),
              "v1,m6ApQHOVIs4xTD/w7MJdh4c6yx2UiEHJwmZV0IekSKY=");
  }
}

TEST_F(ChannelTest, DoesNotSendUnsignedWhatShouldBeSigned) {
  ScriptedPeer peer({});
  for (const std::string& secret : {path("nowhere"), write("empty", "\n")}) {
    const DeliveryRecord result = send(webhook(peer.url(), secret), failed_backup());
    EXPECT_EQ(result.outcome, Outcome::kFailed);
    EXPECT_EQ(result.retry, Retry::kPermanent);
    EXPECT_NE(result.detail.find("secret"), std::string::npos) << result.detail;
  }
}

TEST_F(ChannelTest, SaysWhetherARepetitionCanHelp) {
  struct Case {
    const char* status;
    Retry retry;
  };
  for (const Case one :
       {Case{"503 Busy", Retry::kTransient}, Case{"429 Slow", Retry::kTransient},
        Case{"404 Gone", Retry::kPermanent}, Case{"302 Other", Retry::kPermanent}}) {
    std::promise<std::string> seen;
    ScriptedPeer peer({record(seen, one.status)});
    const DeliveryRecord result = send(webhook(peer.url()), failed_backup());
    EXPECT_EQ(result.outcome, Outcome::kFailed) << one.status;
    EXPECT_EQ(result.retry, one.retry) << one.status;
    EXPECT_NE(result.detail.find(std::string(one.status).substr(0, 3)), std::string::npos);
  }
}

TEST_F(ChannelTest, NamesAReceiverThatIsNotThere) {
  std::uint16_t port = 0;
  {
    const ScriptedPeer gone({});
    port = gone.port();
  }
  const std::string place = "127.0.0.1:" + std::to_string(port);
  const DeliveryRecord result =
      send(webhook("http://" + place + "/hook?token=hunter2"), failed_backup());
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_EQ(result.retry, Retry::kTransient);
  EXPECT_NE(result.detail.find(place), std::string::npos) << result.detail;
  EXPECT_EQ(result.detail.find("hunter2"), std::string::npos) << result.detail;
}

TEST_F(ChannelTest, AppendsOneLineForEachNotification) {
  ChannelConfig config;
  config.name = "file";
  config.type = "log";
  config.file = path("events.jsonl");
  Notification second = failed_backup();
  second.text = "two\nlines";
  EXPECT_TRUE(send(config, failed_backup()).delivered());
  EXPECT_TRUE(send(config, second).delivered());
  std::istringstream lines(read("events.jsonl"));
  std::vector<std::string> texts;
  for (std::string line; std::getline(lines, line);) {
    const auto json = parse_json(line);
    ASSERT_TRUE(json) << line;
    texts.push_back(get_string(*json, "text"));
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"the disk is full", "two\nlines"}));
}

TEST_F(ChannelTest, SaysWhyALineCouldNotBeWritten) {
  ChannelConfig config;
  config.name = "file";
  config.type = "log";
  config.file = path("nowhere/events.jsonl");
  const DeliveryRecord result = send(config, failed_backup());
  EXPECT_EQ(result.outcome, Outcome::kFailed);
  EXPECT_NE(result.detail.find("nowhere/events.jsonl"), std::string::npos) << result.detail;
}

TEST_F(ChannelTest, WritesToTheProcessLogWhereNoFileIsNamed) {
  ChannelConfig config;
  config.name = "log";
  config.type = "log";
  ::testing::internal::CaptureStderr();
  const DeliveryRecord result = send(config, failed_backup());
  const std::string log = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(result.delivered());
  EXPECT_NE(log.find("Backup of db failed"), std::string::npos) << log;
}

TEST_F(ChannelTest, TellsEverybodyWhoWantsToKnowWhateverHappensToOne) {
  ChannelConfig broken = webhook("http://127.0.0.1:1/");
  ChannelConfig quiet;
  quiet.name = "quiet";
  quiet.type = "log";
  quiet.file = path("quiet");
  quiet.events = {"recovery.*"};
  ChannelConfig file = quiet;
  file.name = "file";
  file.file = path("file");
  file.events = {"backup.*"};
  const auto records = async::block_on(
      loop_.executor(), dispatch({broken, quiet, file}, failed_backup(), services()));
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[0].outcome, Outcome::kFailed);
  EXPECT_EQ(records[1].outcome, Outcome::kNotWanted);
  EXPECT_EQ(records[2].outcome, Outcome::kDelivered);
  EXPECT_FALSE(std::filesystem::exists(path("quiet")));

  const auto forced = async::block_on(
      loop_.executor(), dispatch({quiet}, failed_backup(), services(), /*regardless=*/true));
  EXPECT_TRUE(forced[0].delivered());
}

}  // namespace
}  // namespace holdfast::notify

// Every command of the table against a server that answers everything.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/async/pool.h"
#include "core/base/yaml.h"
#include "core/env/posix/system_clock.h"
#include "core/net/server.h"
#include "edge/cli/command.h"
#include "edge/cli/session.h"
#include "edge/cli/watch.h"

namespace holdfast::cli {
namespace {

constexpr const char* kAnswer =
    R"({"id":"x","name":"x","kind":"policy","status":"completed","action":"created","items":[],
        "events":[],"proposal":{"point":"pt_1"},"delivered":true,"healthy":true,
        "password":"p","hint":"h","key":"k"})";

async::Co<net::HttpReply> answer(std::shared_ptr<const net::HttpRequest> request) {
  net::HttpReply reply;
  reply.headers["content-type"] = "application/json";
  reply.body = kAnswer;
  if (request->path.ends_with("/events")) {
    reply.events = [](std::shared_ptr<net::EventWriter> writer) -> async::Co<void> {
      std::string run = R"({"id":"x","status":"completed","proposal":{"point":"pt_1"}})";
      static_cast<void>(co_await writer->send("end", "1", std::move(run)));
    };
  }
  co_return reply;
}

class CommandsTest : public testing::Test {
 protected:
  CommandsTest() {
    auto started = net::HttpServer::start(pool_.executor(), clock_, {}, &answer);
    server_ = std::move(started).value();
    ::setenv("HOLDFAST_SERVER", ("127.0.0.1:" + std::to_string(server_->port())).c_str(), 1);
    ::setenv("HOLDFAST_TOKEN", "hf_test", 1);
    std::ofstream(document_) << "kind: policy\nname: p\n";
  }
  ~CommandsTest() override {
    server_->stop();
    std::filesystem::remove(document_);
  }

  // The least that a command needs besides its required words.
  Arguments arguments_of(const Command& command) {
    const std::map<std::string_view, std::vector<std::pair<std::string, std::string>>> needed = {
        {"apply", {{"--file", document_}}},
        {"resource add", {{"--path", "/srv"}}},
        {"repository add", {{"--location", "/srv"}}},
        {"restore", {{"--to", "/tmp/x"}}},
        {"key add", {{"--scope", "read"}}},
        {"schedule pause", {{"--reason", "x"}}},
        {"schedule backfill",
         {{"--from", "2026-01-01T00:00:00Z"}, {"--to", "2026-01-02T00:00:00Z"}}},
    };
    Arguments arguments;
    for (const Positional& positional : command.positionals) {
      arguments.add(std::string(positional.name), positional.name == "SHELL" ? "bash" : "x");
    }
    if (const auto found = needed.find(command.words); found != needed.end()) {
      for (const auto& [name, value] : found->second) {
        arguments.add(name, value);
      }
    }
    return arguments;
  }

  std::string output_of(const Command& command, OutputFormat format, const char* flag = nullptr) {
    char* text = nullptr;
    size_t size = 0;
    std::FILE* stream = ::open_memstream(&text, &size);
    {
      Console console(stream, stderr, format);
      Session session(console);
      Arguments arguments = arguments_of(command);
      if (flag != nullptr) {
        arguments.add(flag, "true");
      }
      const Result<int> code = command.run(session, arguments);
      EXPECT_TRUE(code) << command.words << ": " << (code ? "" : code.error().to_string());
    }
    std::fclose(stream);
    std::string out(text, size);
    std::free(text);
    return out;
  }

  const std::string document_ =
      testing::TempDir() + "commands_test_" + std::to_string(::getpid()) + ".yaml";
  env::SystemClock clock_;
  async::Pool pool_{"peer", 1};
  std::unique_ptr<net::HttpServer> server_;
};

bool takes(const Command& command, std::string_view flag) {
  for (const Option& option : command.options) {
    if (option.name == flag) {
      return true;
    }
  }
  return false;
}

TEST_F(CommandsTest, AnswerInJsonWhenAskedTo) {
  for (const Command& command : commands()) {
    const std::string out = output_of(command, OutputFormat::kJson);
    const auto json = parse_json(out);
    EXPECT_TRUE(json && json->is_structured()) << command.words << " printed " << out;
    for (const char* flag : {"--wait", "--dry-run", "--json"}) {
      if (takes(command, flag)) {
        const std::string more = output_of(command, OutputFormat::kJson, flag);
        EXPECT_TRUE(parse_json(more)) << command.words << " " << flag << " printed " << more;
      }
    }
  }
}

TEST_F(CommandsTest, AnswerInYamlWhenAskedTo) {
  for (const Command& command : commands()) {
    const std::string out = output_of(command, OutputFormat::kYaml);
    const auto documents = parse_yaml(out);
    ASSERT_TRUE(documents) << command.words << " printed " << out;
    EXPECT_TRUE(documents->front().value.is_structured()) << command.words << " printed " << out;
  }
}

// A server that breaks its first streams, and forgets to answer now and then.
class BreakingServer {
 public:
  BreakingServer() {
    server_ = std::move(net::HttpServer::start(
                            pool_.executor(), clock_, {},
                            [this](std::shared_ptr<const net::HttpRequest> request)
                                -> async::Co<net::HttpReply> { co_return reply(*request); }))
                  .value();
    ::setenv("HOLDFAST_SERVER", ("127.0.0.1:" + std::to_string(server_->port())).c_str(), 1);
    ::setenv("HOLDFAST_TOKEN", "hf_test", 1);
  }
  ~BreakingServer() { server_->stop(); }

  int streams() const { return streams_; }

 private:
  net::HttpReply reply(const net::HttpRequest& request) {
    net::HttpReply made;
    made.body = R"({"id":"x","status":"running"})";
    if (!request.path.ends_with("/events")) {
      made.status = streams_ == 2 ? 503 : 200;
      return made;
    }
    const int number = ++streams_;
    if (number == 2) {
      made.status = 502;
      return made;
    }
    made.events = [number](std::shared_ptr<net::EventWriter> writer) -> async::Co<void> {
      std::string run =
          number < 3 ? R"({"id":"x","status":"running"})" : R"({"id":"x","status":"completed"})";
      co_await writer->send("run", "1", std::move(run));
    };
    return made;
  }

  env::SystemClock clock_;
  async::Pool pool_{"peer", 1};
  std::atomic<int> streams_ = 0;
  std::unique_ptr<net::HttpServer> server_;
};

TEST(FollowRun, TakesABrokenStreamUpAgain) {
  BreakingServer server;
  Console console(stdout, stderr, OutputFormat::kTable);
  Session session(console);
  int states = 0;
  const auto last = follow_run(session, "x", FollowUntil::kEnd, [&](const Json&) { ++states; });
  ASSERT_TRUE(last) << last.error().to_string();
  EXPECT_EQ(get_string(*last, "status"), "completed");
  EXPECT_EQ(server.streams(), 3);
  EXPECT_EQ(states, 3);  // the first stream, a reading, the last stream
}

TEST(FollowRun, SaysAtOnceThatNoServerIsThere) {
  {
    const BreakingServer gone;
  }
  Console console(stdout, stderr, OutputFormat::kTable);
  Session session(console);
  const auto last = follow_run(session, "x", FollowUntil::kEnd, [](const Json&) {});
  ASSERT_FALSE(last);
  EXPECT_EQ(last.error().code(), Code::kUnavailable);
}

TEST_F(CommandsTest, AnswerPeopleInWords) {
  for (const Command& command : commands()) {
    output_of(command, OutputFormat::kTable);
  }
}

}  // namespace
}  // namespace holdfast::cli

// TLS, client certificates and API keys, against a server of this process that answers every call
// with an empty message.
#include <gmock/gmock.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <mutex>
#include <stop_token>
#include <thread>

#include "core/db/testing/temp_database.h"
#include "core/env/posix/system_clock.h"
#include "flow/temporal/call.h"
#include "flow/temporal/proto/service.pb.h"

namespace holdfast::flow::temporal {
namespace {

std::string content(const std::string& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// A CA, a server's and a client's certificate in `folder`.
bool make_certificates(const std::string& folder) {
  const std::string script =
      "cd " + folder +
      " && exec 2>/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out "
      "ca.pem "
      "-days 2 -subj /CN=ca && for who in server client; do openssl req -newkey rsa:2048 -nodes "
      "-keyout $who.key -out $who.csr -subj /CN=$who && printf "
      "'subjectAltName=DNS:temporal.test' > ext && openssl x509 -req -in $who.csr -CA ca.pem "
      "-CAkey ca.key -CAcreateserial -out $who.pem -days 2 -extfile ext || exit 1; done";
  return std::system(script.c_str()) == 0;
}

// Answers at once and remembers what the caller showed; nothing comes back from "Silence".
class EmptyService final : public grpc::CallbackGenericService {
 public:
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [key, value] : context->client_metadata()) {
        if (key == "authorization" || key == "temporal-namespace") {
          seen_ += std::string(value.data(), value.size()) + "\n";
        }
      }
      seen_ += context->method() + "\n";
    }
    class Answer final : public grpc::ServerGenericBidiReactor {
     public:
      explicit Answer(bool silent) : silent_(silent) { StartRead(&request_); }
      void OnReadDone(bool) override {
        if (silent_) {
          return;
        }
        const grpc::Slice nothing;
        reply_ = grpc::ByteBuffer(&nothing, 1);
        StartWriteAndFinish(&reply_, {}, grpc::Status::OK);
      }
      void OnCancel() override {
        if (silent_) {
          Finish(grpc::Status::CANCELLED);
        }
      }
      void OnDone() override { delete this; }

     private:
      const bool silent_;
      grpc::ByteBuffer request_;
      grpc::ByteBuffer reply_;
    };
    return new Answer(context->method().ends_with("/Silence"));
  }
  std::string seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  std::mutex mutex_;
  std::string seen_;
};

class SlowTemporalTls : public testing::Test {
 protected:
  void SetUp() override {
    if (!make_certificates(folder)) {
      GTEST_SKIP() << "no openssl program to make certificates with";
    }
    grpc::SslServerCredentialsOptions how(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    how.pem_root_certs = content(folder + "/ca.pem");
    how.pem_key_cert_pairs = {{content(folder + "/server.key"), content(folder + "/server.pem")}};
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(how), &port);
    builder.RegisterCallbackGenericService(&service);
    builder.AddChannelArgument(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 0);  // deadlines are the client's
    server = builder.BuildAndStart();
    options.address = "127.0.0.1:" + std::to_string(port);
    options.name_space = "backups";
    options.tls = {true, folder + "/ca.pem", folder + "/client.pem", folder + "/client.key",
                   "temporal.test"};
  }
  void TearDown() override {
    if (server) {
      server->Shutdown();
    }
  }

  Status ask() {
    HF_TRY(const auto connection, Connection::open(clock, options));
    const Caller caller(*connection, clock);
    namespace service_messages = ::temporal::api::workflowservice::v1;
    return status_of(call_blocking<service_messages::GetSystemInfoResponse>(
        caller, "GetSystemInfo", service_messages::GetSystemInfoRequest(), {}, {.repeats = 0}));
  }

  db::TempDatabase database{db::Migrations()};  // for its directory
  std::string folder = database.directory();
  env::SystemClock clock;
  EmptyService service;
  std::unique_ptr<grpc::Server> server;
  Options options;
};

TEST_F(SlowTemporalTls, ShowsItsCertificateAndItsKey) {
  options.api_key_file = folder + "/api_key";
  std::ofstream(options.api_key_file) << "s3cret\n";
  const Status asked = ask();
  ASSERT_TRUE(asked) << asked.error().to_string();
  EXPECT_THAT(service.seen(),
              testing::AllOf(testing::HasSubstr("Bearer s3cret\n"), testing::HasSubstr("backups\n"),
                             testing::HasSubstr("WorkflowService/GetSystemInfo")));
}

TEST_F(SlowTemporalTls, IsRefusedWithoutACertificate) {
  options.tls.certificate_file.clear();
  options.tls.key_file.clear();
  const Status asked = ask();
  ASSERT_FALSE(asked);
  EXPECT_EQ(asked.error().code(), Code::kUnavailable);
}

TEST_F(SlowTemporalTls, DoesNotTalkToAServerOfAnotherCa) {
  options.tls.ca_file = folder + "/client.pem";
  EXPECT_FALSE(ask());
  options.tls.ca_file = folder + "/ca.pem";
  options.tls.server_name = "somebody.else";
  EXPECT_FALSE(ask());
  EXPECT_EQ(service.seen(), "");
}

TEST_F(SlowTemporalTls, TakesRenewedFilesForItsNextConnection) {
  options.tls.ca_file = folder + "/used.pem";
  std::ofstream(options.tls.ca_file) << content(folder + "/client.pem");  // of nobody
  const auto connection = Connection::open(clock, options);
  ASSERT_TRUE(connection) << connection.error().to_string();
  const Caller caller(**connection, clock);
  EXPECT_FALSE(caller.send_blocking("GetSystemInfo", "", {.repeats = 0}, {}));
  std::ofstream(options.tls.ca_file) << content(folder + "/ca.pem");
  const auto asked = caller.send_blocking("GetSystemInfo", "", {}, {});
  EXPECT_TRUE(asked) << asked.error().to_string();
}

TEST_F(SlowTemporalTls, ACallWithoutAnAnswerEndsAtItsDeadlineOrWhenItIsCancelled) {
  const auto connection = Connection::open(clock, options);
  ASSERT_TRUE(connection) << connection.error().to_string();
  const Caller caller(**connection, clock);
  const Limits once{.deadline = std::chrono::milliseconds(300), .repeats = 0};
  const auto late = caller.send_blocking("Silence", "", once, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded) << late.error().to_string();
  std::stop_source stop;
  std::jthread asks([&] { stop.request_stop(); });
  const auto given_up = caller.send_blocking("Silence", "", {}, stop.get_token());
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code(), Code::kCancelled) << given_up.error().to_string();
}

}  // namespace
}  // namespace holdfast::flow::temporal

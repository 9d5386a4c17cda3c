#include "flow/temporal/connection.h"

#include <absl/synchronization/mutex.h>
#include <fcntl.h>
#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/byte_buffer.h>

#include <condition_variable>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <optional>

#include "flow/temporal/errors.h"
#include "flow/temporal/serving_thread.h"

namespace holdfast::flow::temporal {
namespace {

constexpr std::string_view kService = "temporal.api.workflowservice.v1.WorkflowService/";
constexpr std::size_t kLargestReply = 128u << 20;

Result<std::string> content_of(const std::string& path, std::string_view field) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) {
    text.clear();
  }
  if (text.empty()) {
    return Error(Code::kNotFound, "a file of the connection to Temporal cannot be read or is empty")
        .with("field", std::string(field))
        .with("file", path);
  }
  return text;
}

Result<std::shared_ptr<grpc::ChannelCredentials>> credentials_of(const TlsOptions& tls) {
  if (!tls.on) {
    return grpc::InsecureChannelCredentials();
  }
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return Error(Code::kInvalidArgument,
                 "a client certificate and its private key are given together or not at all")
        .with("field", "flow.temporal.tls");
  }
  grpc::SslCredentialsOptions options;
  if (!tls.ca_file.empty()) {
    HF_TRY(options.pem_root_certs, content_of(tls.ca_file, "flow.temporal.tls.ca"));
  }
  if (!tls.certificate_file.empty()) {
    HF_TRY(options.pem_cert_chain, content_of(tls.certificate_file, "flow.temporal.tls.cert"));
    HF_TRY(options.pem_private_key, content_of(tls.key_file, "flow.temporal.tls.key"));
  }
  return grpc::SslCredentials(options);
}

grpc::ChannelArguments channel_arguments(const TlsOptions& tls) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);  // reply_of() has the limit: the small stack has none
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);  // call.cc repeats, and knows which errors
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_MINIMAL_STACK, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_DEADLINE_CHECKS, 1);
  // A window of this size for each call, instead of measuring the line with pings.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 4 << 20);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 15'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 5'000);
  if (!tls.server_name.empty()) {
    arguments.SetSslTargetNameOverride(tls.server_name);
  }
  return arguments;
}

grpc::ByteBuffer to_buffer(std::string_view bytes) {
  const grpc::Slice slice(bytes.data(), bytes.size());
  return {&slice, 1};
}

std::string to_bytes(grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.Valid() || !buffer.DumpToSingleSlice(&slice).ok()) {
    return {};
  }
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

Result<std::string> reply_of(grpc::ByteBuffer& buffer) {
  if (buffer.Valid() && buffer.Length() > kLargestReply) {
    return Error(Code::kResourceExhausted, "an answer of Temporal is larger than 128 MiB");
  }
  return to_bytes(buffer);
}

class GrpcCall final : public PendingCall {
 public:
  void cancel() override { context.TryCancel(); }

  grpc::ClientContext context;
  std::string method;
  grpc::ByteBuffer reply;
  grpc::Status status;
  Connection::Done done;
  std::unique_ptr<grpc::GenericClientAsyncResponseReader> reader;
};

class GrpcConnection final : public Connection {
 public:
  GrpcConnection(env::Clock& clock, const Options& options,
                 std::shared_ptr<grpc::ChannelCredentials> credentials, std::string api_key)
      : name_space_(options.name_space),
        api_key_(std::move(api_key)),
        stub_(grpc::CreateCustomChannel(options.address, credentials,
                                        channel_arguments(options.tls))),
        thread_(std::in_place, clock, [this] { return next(); }) {}

  ~GrpcConnection() override {
    shut_down();
    queue_.Shutdown();
    thread_.reset();
  }

  std::shared_ptr<PendingCall> begin(std::string_view method, std::string_view request,
                                     Nanoseconds deadline, Done done) override {
    auto call = std::make_shared<GrpcCall>();
    call->method.append("/").append(method.contains('/') ? "" : kService).append(method);
    call->done = std::move(done);
    call->context.set_deadline(gpr_time_from_nanos(deadline.count(), GPR_TIMESPAN));
    call->context.AddMetadata("temporal-namespace", name_space_);
    call->context.AddMetadata("client-name", "holdfast");
    call->context.AddMetadata("client-version", HOLDFAST_VERSION);
    if (!api_key_.empty()) {
      call->context.AddMetadata("authorization", "Bearer " + api_key_);
    }
    call->reader =
        stub_.PrepareUnaryCall(&call->context, call->method, to_buffer(request), &queue_);
    if (!admit(call)) {
      call->done(Error(Code::kCancelled, "the connection to Temporal is closed"));
      return call;
    }
    call->reader->StartCall();
    call->reader->Finish(&call->reply, &call->status, call.get());
    return call;
  }

  void shut_down() override {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    for (const auto& [raw, call] : open_) {
      call->cancel();
    }
    quiet_.wait(lock, [this] { return under_way_ == 0; });
  }

 private:
  bool admit(const std::shared_ptr<GrpcCall>& call) {
    const std::lock_guard lock(mutex_);
    if (!stopped_) {
      open_.emplace(call.get(), call);
      ++under_way_;
    }
    return !stopped_;
  }

  ServingThread::Handler next() {
    void* tag = nullptr;
    bool ok = false;
    if (!queue_.Next(&tag, &ok)) {
      return nullptr;
    }
    return [this, call = static_cast<GrpcCall*>(tag)] { finished(call); };
  }

  void finished(GrpcCall* raw) {
    std::shared_ptr<GrpcCall> call;
    {
      const std::lock_guard lock(mutex_);
      call = std::move(open_.extract(raw).mapped());
    }
    Result<std::string> outcome = reply_of(call->reply);
    if (!call->status.ok()) {
      outcome = call_error(call->status.error_code(), call->status.error_message(),
                           call->status.error_details())
                    .with("call", call->method.substr(call->method.rfind('/') + 1));
    }
    std::exchange(call->done, nullptr)(std::move(outcome));
    const std::lock_guard lock(mutex_);
    --under_way_;
    quiet_.notify_all();
  }

  const std::string name_space_;
  const std::string api_key_;
  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<GrpcCall*, std::shared_ptr<GrpcCall>> open_;  // what gRPC knows
  int under_way_ = 0;                                    // until its `done` has returned
  bool stopped_ = false;
  std::optional<ServingThread> thread_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(env::Clock& clock, const Options& options) {
  // Distributions build gRPC's locks with a search for cycles, which costs a tenth of each call.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  HF_TRY(auto credentials, credentials_of(options.tls));
  std::string api_key;
  if (!options.api_key_file.empty()) {
    if (!options.tls.on) {
      return Error(Code::kInvalidArgument,
                   "an API key is sent over TLS only; switch flow.temporal.tls on")
          .with("field", "flow.temporal.api_key_file");
    }
    HF_TRY(api_key, content_of(options.api_key_file, "flow.temporal.api_key_file"));
    while (!api_key.empty() && std::isspace(static_cast<unsigned char>(api_key.back())) != 0) {
      api_key.pop_back();
    }
  }
  return std::make_unique<GrpcConnection>(clock, options, std::move(credentials),
                                          std::move(api_key));
}

}  // namespace holdfast::flow::temporal

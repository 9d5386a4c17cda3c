#include "flow/temporal/connection.h"

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

#include "flow/temporal/errors.h"

namespace holdfast::flow::temporal {
namespace {

constexpr std::string_view kService = "temporal.api.workflowservice.v1.WorkflowService/";
constexpr int kLargestReply = 128 << 20;

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
  arguments.SetMaxReceiveMessageSize(kLargestReply);
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

grpc::ByteBuffer to_buffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return {&slice, 1};
}

std::string to_bytes(grpc::ByteBuffer& buffer) {
  grpc::Slice slice;
  if (!buffer.Valid() || !buffer.DumpToSingleSlice(&slice).ok()) {
    return {};
  }
  return {reinterpret_cast<const char*>(slice.begin()), slice.size()};
}

class GrpcConnection;

class GrpcCall final : public PendingCall {
 public:
  void cancel() override { context.TryCancel(); }

  grpc::ClientContext context;
  std::string method;
  grpc::ByteBuffer request;
  grpc::ByteBuffer reply;
  Connection::Done done;
};

class GrpcConnection final : public Connection {
 public:
  GrpcConnection(const Options& options, std::shared_ptr<grpc::ChannelCredentials> credentials,
                 std::string api_key)
      : name_space_(options.name_space),
        api_key_(std::move(api_key)),
        stub_(grpc::CreateCustomChannel(options.address, credentials,
                                        channel_arguments(options.tls))) {}
  ~GrpcConnection() override { shut_down(); }

  std::shared_ptr<PendingCall> begin(std::string_view method, std::string request,
                                     Nanoseconds deadline, Done done) override {
    auto call = std::make_shared<GrpcCall>();
    call->method = "/" + std::string(method.contains('/') ? "" : kService) + std::string(method);
    call->request = to_buffer(request);
    call->done = std::move(done);
    call->context.set_deadline(gpr_time_from_nanos(deadline.count(), GPR_TIMESPAN));
    call->context.AddMetadata("temporal-namespace", name_space_);
    call->context.AddMetadata("client-name", "holdfast");
    call->context.AddMetadata("client-version", HOLDFAST_VERSION);
    if (!api_key_.empty()) {
      call->context.AddMetadata("authorization", "Bearer " + api_key_);
    }
    if (!admit(call)) {
      call->done(Error(Code::kCancelled, "the connection to Temporal is closed"));
      return call;
    }
    GrpcCall* raw = call.get();  // kept by open_
    stub_.UnaryCall(&raw->context, raw->method, {}, &raw->request, &raw->reply,
                    [this, raw](const grpc::Status& status) { finished(raw, status); });
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
    if (stopped_) {
      return false;
    }
    open_.emplace(call.get(), call);
    ++under_way_;
    return true;
  }

  void finished(GrpcCall* raw, const grpc::Status& status) {
    std::shared_ptr<GrpcCall> call;
    {
      const std::lock_guard lock(mutex_);
      call = std::move(open_.at(raw));
      open_.erase(raw);
    }
    Result<std::string> outcome = to_bytes(call->reply);
    if (!status.ok()) {
      outcome = call_error(status.error_code(), status.error_message(), status.error_details())
                    .with("call", call->method.substr(call->method.rfind('/') + 1));
    }
    call->done(std::move(outcome));
    call->done = nullptr;
    // The call holds the channel, and the last reference to a channel must not go on a thread of
    // gRPC, which would wait for itself: so it goes before shut_down() returns.
    call.reset();
    const std::lock_guard lock(mutex_);
    --under_way_;
    quiet_.notify_all();
  }

  const std::string name_space_;
  const std::string api_key_;
  grpc::TemplatedGenericStub<grpc::ByteBuffer, grpc::ByteBuffer> stub_;
  std::mutex mutex_;
  std::condition_variable quiet_;
  std::map<GrpcCall*, std::shared_ptr<GrpcCall>> open_;
  int under_way_ = 0;
  bool stopped_ = false;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const Options& options) {
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
  return std::make_unique<GrpcConnection>(options, std::move(credentials), std::move(api_key));
}

}  // namespace holdfast::flow::temporal

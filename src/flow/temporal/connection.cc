#include "flow/temporal/connection.h"

#include <charconv>
#include <fstream>
#include <iterator>
#include <optional>

#include "core/net/byte_stream.h"
#include "flow/temporal/serving_thread.h"
#include "flow/temporal/wire.h"

namespace holdfast::flow::temporal {
namespace {

constexpr std::string_view kService = "temporal.api.workflowservice.v1.WorkflowService/";
constexpr std::uint16_t kPort = 7233;

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

struct Address {
  std::string host;
  std::uint16_t port = kPort;
};

// "host", "host:port", "[v6]:port".
Result<Address> parse_address(std::string_view text) {
  const bool bracket = text.starts_with('[');
  const std::size_t end = bracket ? text.find(']') : std::min(text.find(':'), text.size());
  Address address;
  bool good = end != std::string_view::npos;
  if (good) {
    address.host = bracket ? text.substr(1, end - 1) : text.substr(0, end);
    const std::string_view rest = text.substr(end + (bracket ? 1 : 0));
    if (!rest.empty()) {
      const auto [stop, error] =
          std::from_chars(rest.data() + 1, rest.data() + rest.size(), address.port);
      good = rest.front() == ':' && error == std::errc() && stop == rest.data() + rest.size();
    }
  }
  if (!good || address.host.empty() || address.port == 0) {
    return Error(Code::kInvalidArgument, "the address of Temporal is HOST:PORT")
        .with("field", "flow.temporal.address")
        .with("address", std::string(text));
  }
  return address;
}

// Reads the files.
Result<net::TlsIdentity> identity_of(const TlsOptions& tls, const std::string& host) {
  if (tls.certificate_file.empty() != tls.key_file.empty()) {
    return Error(Code::kInvalidArgument,
                 "a client certificate and its private key are given together or not at all")
        .with("field", "flow.temporal.tls");
  }
  net::TlsIdentity identity;
  identity.server_name = tls.server_name.empty() ? host : tls.server_name;
  identity.protocol = "h2";
  if (!tls.ca_file.empty()) {
    HF_TRY(identity.authorities, content_of(tls.ca_file, "flow.temporal.tls.ca"));
  }
  if (!tls.certificate_file.empty()) {
    HF_TRY(identity.certificate, content_of(tls.certificate_file, "flow.temporal.tls.cert"));
    HF_TRY(identity.private_key, content_of(tls.key_file, "flow.temporal.tls.key"));
  }
  if (const Status good = net::check_identity(identity); !good) {
    return Error(good.error()).with("field", "flow.temporal.tls");
  }
  return identity;
}

Result<std::string> api_key_of(const Options& options) {
  if (options.api_key_file.empty()) {
    return std::string();
  }
  if (!options.tls.on) {
    return Error(Code::kInvalidArgument,
                 "an API key is sent over TLS only; switch flow.temporal.tls on")
        .with("field", "flow.temporal.api_key_file");
  }
  HF_TRY(std::string key, content_of(options.api_key_file, "flow.temporal.api_key_file"));
  while (!key.empty() && std::isspace(static_cast<unsigned char>(key.back())) != 0) {
    key.pop_back();
  }
  return key;
}

Result<std::unique_ptr<net::ByteStream>> connect(env::Clock& clock, const TlsOptions& tls,
                                                 const Address& address,
                                                 const std::stop_token& stop) {
  net::DialOptions how;
  how.host = address.host;
  how.port = address.port;
  net::TlsIdentity identity;
  if (tls.on) {
    HF_TRY(identity, identity_of(tls, address.host));
    how.tls = &identity;
  }
  auto stream = net::dial(how, clock, stop);
  if (!stream && stream.error().code() == Code::kUnavailable) {
    return Error(Code::kUnavailable, "Temporal cannot be reached", Retry::kTransient)
        .caused_by(stream.error());
  }
  return stream;
}

// What every call shows, in the order that HTTP/2 wants.
Wire::Headers headers_of(const Options& options, const std::string& api_key) {
  Wire::Headers headers = {
      {":scheme", options.tls.on ? "https" : "http"},
      {":authority", options.tls.server_name.empty() ? options.address : options.tls.server_name},
      {"te", "trailers"},
      {"content-type", "application/grpc"},
      {"user-agent", "holdfast/" HOLDFAST_VERSION},
      {"grpc-accept-encoding", "identity"},
      {"temporal-namespace", options.name_space},
      {"client-name", "holdfast"},
      {"client-version", HOLDFAST_VERSION}};
  if (!api_key.empty()) {
    headers.emplace_back("authorization", "Bearer " + api_key);
  }
  return headers;
}

class WireConnection final : public Connection {
 public:
  WireConnection(env::Clock& clock, std::shared_ptr<Wire> wire)
      : wire_(std::move(wire)), thread_(std::in_place, clock, [this] { return wire_->next(); }) {}

  ~WireConnection() override {
    wire_->shut_down();
    wire_->close();
    thread_.reset();
  }

  std::shared_ptr<PendingCall> begin(std::string_view method, std::string_view request,
                                     Nanoseconds deadline, Done done) override {
    std::string path = "/";
    path.append(method.contains('/') ? "" : kService).append(method);
    return wire_->begin(std::move(path), request, deadline, std::move(done));
  }

  void shut_down() override { wire_->shut_down(); }

 private:
  const std::shared_ptr<Wire> wire_;
  std::optional<ServingThread> thread_;
};

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(env::Clock& clock, const Options& options) {
  HF_TRY(const Address address, parse_address(options.address));
  if (options.tls.on) {
    HF_TRY_VOID(status_of(identity_of(options.tls, address.host)));
  }
  HF_TRY(const std::string api_key, api_key_of(options));
  auto wire = std::make_shared<Wire>(
      clock,
      [&clock, tls = options.tls, address](const std::stop_token& stop) {
        return connect(clock, tls, address, stop);
      },
      headers_of(options, api_key));
  return std::make_unique<WireConnection>(clock, std::move(wire));
}

}  // namespace holdfast::flow::temporal

#include "core/net/byte_stream.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

#include "core/net/tls_stream.h"

namespace holdfast::net {
namespace {

constexpr Nanoseconds kSlice = std::chrono::milliseconds(100);  // between looks at the stop token

Error gone(int error) {
  return Error(Code::kUnavailable, "the connection is over", Retry::kTransient)
      .with("reason", error == 0 ? "the server closed it" : std::strerror(error));
}

class TcpStream final : public ByteStream {
 public:
  explicit TcpStream(int socket) : socket_(socket) {}
  ~TcpStream() override { ::close(socket_); }

  int descriptor() const override { return socket_; }

  Result<std::size_t> read(std::span<char> into) override {
    const ssize_t got = ::recv(socket_, into.data(), into.size(), 0);
    if (got > 0) {
      return static_cast<std::size_t>(got);
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? Result<std::size_t>(0)
                                                          : gone(got == 0 ? 0 : errno);
  }

  Result<std::size_t> write(std::string_view bytes) override {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      return static_cast<std::size_t>(sent);
    }
    return errno == EAGAIN || errno == EINTR ? Result<std::size_t>(0) : gone(errno);
  }

 private:
  int socket_;
};

struct FreeAddresses {
  void operator()(addrinfo* list) const { ::freeaddrinfo(list); }
};
using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

Result<Addresses> resolve(const DialOptions& options) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int failed =
      ::getaddrinfo(options.host.c_str(), std::to_string(options.port).c_str(), &hints, &found);
  if (failed != 0) {
    return Error(Code::kUnavailable, "the name of the server cannot be resolved", Retry::kTransient)
        .with("host", options.host)
        .with("reason", ::gai_strerror(failed));
  }
  return Addresses(found);
}

// Until the socket is ready for `events`, in slices.
Status wait_for(int socket, short events, MonoTime deadline, env::Clock& clock,
                const std::stop_token& stop) {
  while (true) {
    if (stop.stop_requested()) {
      return Error(Code::kCancelled, "the connection is no longer wanted");
    }
    const Nanoseconds left = deadline - clock.mono();
    if (left <= Nanoseconds::zero()) {
      return Error(Code::kUnavailable, "the server does not answer", Retry::kTransient);
    }
    const auto slice =
        std::chrono::ceil<std::chrono::milliseconds>(std::min<Nanoseconds>(left, kSlice));
    pollfd entry{socket, events, 0};
    if (::poll(&entry, 1, static_cast<int>(slice.count())) > 0) {
      return {};
    }
  }
}

// A connected socket, or why not.
Result<int> connect_to(const addrinfo& address, MonoTime deadline, env::Clock& clock,
                       const std::stop_token& stop) {
  const int socket =
      ::socket(address.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol);
  if (socket < 0) {
    return gone(errno);
  }
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int error = ::connect(socket, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS) {
    const Status ready = wait_for(socket, POLLOUT, deadline, clock, stop);
    if (!ready) {
      ::close(socket);
      return ready.error();
    }
    socklen_t size = sizeof error;
    ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &size);
  }
  if (error != 0) {
    ::close(socket);
    return Error(Code::kUnavailable, "the server cannot be reached", Retry::kTransient)
        .with("reason", std::strerror(error));
  }
  return socket;
}

Result<std::unique_ptr<ByteStream>> over_tls(int socket, const TlsIdentity& tls, MonoTime deadline,
                                             env::Clock& clock, const std::stop_token& stop) {
  HF_TRY(std::unique_ptr<TlsStream> stream, tls_over(socket, tls));
  while (true) {
    HF_TRY(const TlsStream::Wants wants, stream->shake_hands());
    if (wants == TlsStream::Wants::kNothing) {
      return stream;
    }
    HF_TRY_VOID(wait_for(socket, wants == TlsStream::Wants::kInput ? POLLIN : POLLOUT, deadline,
                         clock, stop));
  }
}

}  // namespace

Result<std::unique_ptr<ByteStream>> dial(const DialOptions& options, env::Clock& clock,
                                         const std::stop_token& stop) {
  HF_TRY(const Addresses addresses, resolve(options));
  const MonoTime deadline = clock.mono() + options.patience;
  std::optional<Error> last;
  for (const addrinfo* address = addresses.get(); address != nullptr; address = address->ai_next) {
    // Half of what is left, so that one silent address does not use up everybody's time.
    const bool only = address->ai_next == nullptr;
    const Nanoseconds left = deadline - clock.mono();
    const MonoTime until = only ? deadline : clock.mono() + left / 2;
    const Result<int> socket = connect_to(*address, until, clock, stop);
    if (socket && options.tls != nullptr) {
      return over_tls(*socket, *options.tls, deadline, clock, stop);
    }
    if (socket) {
      return std::make_unique<TcpStream>(*socket);
    }
    last = socket.error();
    if (last->code() == Code::kCancelled) {
      break;
    }
  }
  return std::move(*last).with("host", options.host);
}

}  // namespace holdfast::net

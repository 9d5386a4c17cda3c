// For tests: a TCP peer on loopback that does exactly what its script says, byte by byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/check.h"

namespace holdfast::net::testing {

// One accepted connection, used by the script on the peer's thread.
class PeerConnection {
 public:
  explicit PeerConnection(int socket) : socket_(socket) {}

  // Head and body (by content-length) of the next request; empty when the client has closed.
  std::string read_request() {
    size_t head = 0;
    while ((head = buffer_.find("\r\n\r\n")) == std::string::npos) {
      if (!read_more()) {
        return {};
      }
    }
    const size_t total = head + 4 + body_size(std::string_view(buffer_).substr(0, head));
    while (buffer_.size() < total && read_more()) {
    }
    std::string request = buffer_.substr(0, total);
    buffer_.erase(0, total);
    return request;
  }

  // False when the client has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // A whole answer with its length.
  bool reply(std::string_view status, std::string_view body, std::string_view headers = "") {
    return send("HTTP/1.1 " + std::string(status) + "\r\n" + std::string(headers) +
                "content-length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body));
  }

  // What has come since, at least one byte; empty when the client has closed.
  std::string read_some() {
    if (buffer_.empty()) {
      read_more();
    }
    return std::exchange(buffer_, {});
  }

  int socket() const { return socket_; }

  // Returns when the client has closed its side, or the peer is being destroyed.
  void wait_for_close() {
    while (read_more()) {
    }
  }

 private:
  bool read_more() {
    char bytes[4096];
    const ssize_t size = ::recv(socket_, bytes, sizeof(bytes), 0);
    if (size > 0) {
      buffer_.append(bytes, static_cast<size_t>(size));
    }
    return size > 0;
  }

  static size_t body_size(std::string_view head) {
    constexpr std::string_view kName = "content-length: ";
    for (size_t at = 0; at < head.size(); ++at) {
      std::string name(head.substr(at, kName.size()));
      for (char& c : name) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
      }
      if (name == kName) {
        size_t size = 0;
        std::from_chars(head.data() + at + kName.size(), head.data() + head.size(), size);
        return size;
      }
    }
    return 0;
  }

  int socket_;
  std::string buffer_;
};

// Plays one script a connection, in the order of connecting; further connections are not accepted.
// A connection ends when its script returns.
class ScriptedPeer {
 public:
  using Script = std::function<void(PeerConnection&)>;

  explicit ScriptedPeer(std::vector<Script> scripts) : scripts_(std::move(scripts)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    auto* plain = reinterpret_cast<sockaddr*>(&address);
    HF_CHECK(::bind(listener_, plain, size) == 0 && ::listen(listener_, 16) == 0 &&
                 ::getsockname(listener_, plain, &size) == 0,
             "loopback has a free port");
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { run(); });
  }

  // Cuts the connection that is open and joins.
  ~ScriptedPeer() {
    stopping_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    ::shutdown(current_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  std::uint16_t port() const { return port_; }
  std::string url(std::string_view path = "/") const {
    return "http://127.0.0.1:" + std::to_string(port_) + std::string(path);
  }

 private:
  void run() {
    for (const Script& script : scripts_) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) {
        return;
      }
      current_ = socket;
      if (!stopping_) {
        PeerConnection connection(socket);
        script(connection);
      }
      current_ = -1;
      ::close(socket);
    }
  }

  std::vector<Script> scripts_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> current_ = -1;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace holdfast::net::testing

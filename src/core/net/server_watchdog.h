// Deadlines of a server's connection.
#pragma once

#include <poll.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <cstdint>
#include <memory>

#include "core/env/clock.h"

namespace holdfast::net {

// Closes a connection when a deadline passes. Shared with the clock's callback.
class Watchdog : public std::enable_shared_from_this<Watchdog> {
 public:
  Watchdog(env::Clock& clock, boost::asio::ip::tcp::socket& socket)
      : clock_(clock), socket_(&socket) {}

  // Starts a new deadline in place of the last one. Only on the connection's strand.
  void arm(Nanoseconds timeout) {
    disarm();
    auto self = shared_from_this();
    auto executor = socket_->get_executor();
    const std::uint64_t generation = ++generation_;
    timer_ = clock_.call_at(clock_.mono() + timeout, [self, executor, generation] {
      boost::asio::post(executor, [self, generation] {
        if (self->generation_ == generation) {
          self->close();
        }
      });
    });
  }
  void disarm() {
    ++generation_;
    if (timer_ != 0) {
      clock_.cancel(timer_);
      timer_ = 0;
    }
  }
  void close() {
    if (socket_ != nullptr) {
      boost::system::error_code ignored;
      socket_->close(ignored);
    }
  }
  // The other side has neither closed its half of the connection nor reset it. On the strand.
  bool peer_waits() const {
    if (socket_ == nullptr || !socket_->is_open()) {
      return false;
    }
    pollfd look{socket_->native_handle(), POLLRDHUP, 0};
    return ::poll(&look, 1, 0) == 0;
  }
  // The connection ends; later callbacks do nothing.
  void release() {
    disarm();
    socket_ = nullptr;
  }

 private:
  env::Clock& clock_;
  boost::asio::ip::tcp::socket* socket_;
  env::TimerId timer_ = 0;
  std::uint64_t generation_ = 0;
};

}  // namespace holdfast::net

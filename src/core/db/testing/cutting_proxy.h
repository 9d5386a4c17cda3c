// For tests: a proxy before a PostgreSQL server that cuts the connection at a chosen message.
//
// Counted are the messages that ask for an answer (Sync and Query) of all connections, in the order
// of their arrival. The n-th of an undisturbed life is about the n-th of a disturbed one; nobody
// relies on more. A cut ends the connection for both sides; others go on. Thread-safe.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::db {

enum class Cut {
  kBefore,  // the message never reaches the server
  kAfter,   // the server has answered, and the answer is lost: a COMMIT has happened
};

class CuttingProxy {
 public:
  // Listens in a folder of its own, which is the "host" of a connection string; the server's folder
  // is `server`.
  explicit CuttingProxy(const std::string& server) : server_(server + "/.s.PGSQL.5432") {
    std::string pattern = "/tmp/holdfast-cut-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un here = address(folder_ + "/.s.PGSQL.5432");
    ::bind(listener_, reinterpret_cast<const sockaddr*>(&here), sizeof(here));
    ::listen(listener_, 64);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~CuttingProxy() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    ::close(listener_);
    for (Pair& pair : pairs_) {
      end(pair);
      pair.forth.join();
      pair.back.join();
      ::close(pair.client);
      ::close(pair.server);
    }
    std::filesystem::remove_all(folder_);
  }
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  const std::string& folder() const { return folder_; }
  // Cuts at the n-th message from now (1 = the next); with `again` then and again, after n messages
  // on average, so that no work that takes n of them is cut at the same place for ever.
  void arm(std::uint64_t n, Cut how, bool again = false) {
    const std::lock_guard lock(mutex_);
    every_ = n;
    again_ = again;
    how_ = how;
    cut_at_ = count_ + n;
  }
  void disarm() {
    const std::lock_guard lock(mutex_);
    cut_at_ = 0;
  }
  std::uint64_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }
  int cuts() const {
    const std::lock_guard lock(mutex_);
    return cuts_;
  }

 private:
  struct Pair {
    int client = -1;
    int server = -1;
    std::atomic<bool> swallow = false;  // the next answer is lost
    std::thread forth;
    std::thread back;
  };

  static sockaddr_un address(const std::string& path) {
    sockaddr_un at{};
    at.sun_family = AF_UNIX;
    std::strncpy(at.sun_path, path.c_str(), sizeof(at.sun_path) - 1);
    return at;
  }
  static void end(Pair& pair) {
    ::shutdown(pair.client, SHUT_RDWR);
    ::shutdown(pair.server, SHUT_RDWR);
  }

  void accept_all() {
    while (true) {
      const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (client < 0) {
        return;
      }
      const int server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const sockaddr_un there = address(server_);
      if (::connect(server, reinterpret_cast<const sockaddr*>(&there), sizeof(there)) != 0) {
        ::close(client);
        ::close(server);
        continue;
      }
      Pair& pair = pairs_.emplace_back();
      pair.client = client;
      pair.server = server;
      pair.forth = std::thread([this, &pair] { carry_forth(pair); });
      pair.back = std::thread([&pair] { carry_back(pair); });
    }
  }

  // Whether the message that has arrived is the one; counts it.
  bool is_due(Cut& how) {
    const std::lock_guard lock(mutex_);
    ++count_;
    if (cut_at_ == 0 || count_ != cut_at_) {
      return false;
    }
    ++cuts_;
    how = how_;
    dice_ = dice_ * 6364136223846793005ULL + 1442695040888963407ULL;
    cut_at_ = again_ ? count_ + std::max<std::uint64_t>(1, every_ / 2 + (dice_ >> 33) % every_) : 0;
    return true;
  }

  // Message by message: a type, four bytes of length that count themselves; the first has no type.
  void carry_forth(Pair& pair) {
    std::vector<char> held;
    std::vector<char> chunk(65536);
    bool greeted = false;
    ssize_t got = 0;
    while ((got = ::recv(pair.client, chunk.data(), chunk.size(), 0)) > 0) {
      held.insert(held.end(), chunk.begin(), chunk.begin() + got);
      std::size_t at = 0;
      while (true) {
        const std::size_t head = greeted ? 1 : 0;
        if (held.size() < at + head + 4) {
          break;
        }
        const std::size_t size = head + length_at(held, at + head);
        if (held.size() < at + size) {
          break;
        }
        const char type = greeted ? held[at] : '\0';
        Cut how = Cut::kBefore;
        if ((type == 'S' || type == 'Q') && is_due(how)) {
          if (how == Cut::kBefore) {
            end(pair);
            return;
          }
          pair.swallow = true;
        }
        greeted = true;
        at += size;
      }
      if (!send_all(pair.server, held.data(), at)) {
        break;
      }
      held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(at));
    }
    end(pair);
  }

  static void carry_back(Pair& pair) {
    std::vector<char> chunk(65536);
    ssize_t got = 0;
    while ((got = ::recv(pair.server, chunk.data(), chunk.size(), 0)) > 0 && !pair.swallow &&
           send_all(pair.client, chunk.data(), static_cast<std::size_t>(got))) {
    }
    end(pair);
  }

  static std::size_t length_at(const std::vector<char>& held, std::size_t at) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      length = length << 8 | static_cast<unsigned char>(held[at + i]);
    }
    return length;
  }
  static bool send_all(int to, const char* data, std::size_t size) {
    while (size > 0) {
      const ssize_t sent = ::send(to, data, size, MSG_NOSIGNAL);
      if (sent <= 0) {
        return false;
      }
      data += sent;
      size -= static_cast<std::size_t>(sent);
    }
    return true;
  }

  std::string server_;
  std::string folder_;
  int listener_ = -1;
  std::thread acceptor_;
  std::list<Pair> pairs_;  // by the acceptor only, until it has ended
  mutable std::mutex mutex_;
  std::uint64_t count_ = 0;
  std::uint64_t cut_at_ = 0;
  std::uint64_t every_ = 1;
  std::uint64_t dice_ = 1;
  bool again_ = false;
  Cut how_ = Cut::kBefore;
  int cuts_ = 0;
};

}  // namespace holdfast::db

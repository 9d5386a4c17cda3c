// HTTP client over libcurl's multi interface.
//
// One thread owns the multi handle, every easy handle and all state of the transfers. Other threads
// (callers, the clock, cancellation) reach it only through the mailbox: a locked list of commands
// and a wake-up. A transfer ends exactly once, in finish(), which posts the caller's continuation
// to the caller's executor.
//
// Deadline and idle limit run on env::Clock: each transfer has one timer that mails a tick, and the
// curl thread decides then what is due. Connecting has curl's own time limit besides.
//
// Invariant: an easy handle is used for one transfer and never shared.

#include "core/net/http_client.h"

#include <curl/curl.h>
#include <fmt/core.h>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "core/net/http_transfer.h"
#include "core/net/url.h"

namespace holdfast::net {
namespace {

namespace asio = boost::asio;

struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};

enum class Order { kStart, kTick, kCancel };

struct Command {
  Order order = Order::kStart;
  TransferId id = 0;
  std::shared_ptr<Transfer> transfer;  // kStart only
};

// The way to the curl thread; outlives the client as long as a timer or a slot still points here.
class Mailbox {
 public:
  explicit Mailbox(CURLM* multi) : multi_(multi) {}

  TransferId next_id() {
    const std::lock_guard lock(mutex_);
    return ++last_id_;
  }

  // False after close(): nobody will read it.
  bool post(Command command) {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      return false;
    }
    commands_.push_back(std::move(command));
    curl_multi_wakeup(multi_);
    return true;
  }

  // What came since the last call, in order, and whether the box is closed: then it was the last.
  std::pair<std::vector<Command>, bool> take() {
    const std::lock_guard lock(mutex_);
    return {std::exchange(commands_, {}), closed_};
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    curl_multi_wakeup(multi_);
  }

 private:
  std::mutex mutex_;
  CURLM* multi_;  // used only while not closed
  std::vector<Command> commands_;
  TransferId last_id_ = 0;
  bool closed_ = false;
};

class Client final : public HttpClient {
 public:
  Client(env::Clock& clock, ClientOptions options, std::unique_ptr<CURLM, FreeMulti> multi)
      : clock_(clock),
        options_(std::move(options)),
        multi_(std::move(multi)),
        mailbox_(std::make_shared<Mailbox>(multi_.get())),
        thread_([this] { run(); }) {}

  ~Client() override {
    mailbox_->close();
    thread_.join();
  }

  async::Co<Result<ClientResponse>> send(ClientRequest request) override {
    return begin(std::move(request), nullptr);
  }
  async::Co<Result<ClientResponse>> stream(ClientRequest request, BodySink sink) override {
    return begin(std::move(request), std::move(sink));
  }

 private:
  async::Co<Result<ClientResponse>> begin(ClientRequest request, BodySink sink);

  // Everything below runs on the curl thread.
  void run();
  void start(std::shared_ptr<Transfer> transfer);
  void arm(Transfer& transfer);
  void tick(TransferId id);
  void collect();
  void finish(TransferId id, Result<ClientResponse> outcome);

  env::Clock& clock_;
  ClientOptions options_;
  std::unique_ptr<CURLM, FreeMulti> multi_;
  std::map<TransferId, std::shared_ptr<Transfer>> active_;
  std::shared_ptr<Mailbox> mailbox_;
  std::thread thread_;
};

async::Co<Result<ClientResponse>> Client::begin(ClientRequest request, BodySink sink) {
  HF_CO_TRY(auto url, parse_url(request.url));
  HF_CO_TRY_VOID(validate(request));
  auto transfer = std::make_shared<Transfer>();
  transfer->url = std::move(url);
  transfer->request = std::move(request);
  transfer->sink = std::move(sink);
  transfer->id = mailbox_->next_id();
  if (transfer->request.deadline > Nanoseconds(0)) {
    transfer->deadline = clock_.mono() + transfer->request.deadline;
  }
  co_await asio::async_initiate<const asio::use_awaitable_t<>&, void()>(
      [transfer, mailbox = mailbox_](auto handler) {
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
          slot.assign([mailbox, id = transfer->id](asio::cancellation_type) {
            mailbox->post({Order::kCancel, id, nullptr});
          });
        }
        auto executor = asio::get_associated_executor(handler);
        transfer->resume = [executor, kept = std::move(handler)]() mutable {
          asio::post(executor, [taken = std::move(kept)]() mutable { std::move(taken)(); });
        };
        if (!mailbox->post({Order::kStart, transfer->id, transfer})) {
          transfer->outcome = Error(Code::kCancelled, "the HTTP client is shutting down");
          transfer->resume();
        }
      },
      asio::use_awaitable);
  co_return *std::move(transfer->outcome);
}

void Client::run() {
  for (;;) {
    auto [commands, closed] = mailbox_->take();
    for (Command& command : commands) {
      if (command.order == Order::kStart) {
        start(std::move(command.transfer));
      } else if (command.order == Order::kTick) {
        tick(command.id);
      } else {
        finish(command.id, Error(Code::kCancelled, "the request was cancelled"));
      }
    }
    if (closed) {
      break;
    }
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    collect();
    constexpr int kLongestPollMs = 60'000;  // a wake-up or a socket ends it sooner
    curl_multi_poll(multi_.get(), nullptr, 0, kLongestPollMs, nullptr);
  }
  while (!active_.empty()) {
    finish(active_.begin()->first, Error(Code::kCancelled, "the HTTP client is shutting down"));
  }
}

void Client::start(std::shared_ptr<Transfer> transfer) {
  const TransferId id = transfer->id;
  Transfer& it = *transfer;
  active_.emplace(id, std::move(transfer));
  it.last_byte = clock_.mono();
  if (auto ready = prepare(it, options_); !ready) {
    finish(id, std::move(ready).error());
    return;
  }
  const CURLMcode added = curl_multi_add_handle(multi_.get(), it.easy.get());
  if (added != CURLM_OK) {
    finish(id, Error(Code::kInternal,
                     fmt::format("curl refuses the request: {}", curl_multi_strerror(added))));
    return;
  }
  arm(it);
}

// Sets the transfer's one timer to the next moment at which a limit may be due.
void Client::arm(Transfer& transfer) {
  std::optional<MonoTime> next = transfer.deadline;
  if (transfer.request.idle_limit > Nanoseconds(0)) {
    const MonoTime idle = transfer.last_byte + transfer.request.idle_limit;
    next = next ? std::min(*next, idle) : idle;
  }
  if (next) {
    transfer.timer = clock_.call_at(*next, [mailbox = mailbox_, id = transfer.id] {
      mailbox->post({Order::kTick, id, nullptr});
    });
  }
}

void Client::tick(TransferId id) {
  const auto found = active_.find(id);
  if (found == active_.end()) {
    return;
  }
  Transfer& transfer = *found->second;
  const MonoTime now = clock_.mono();
  if (std::exchange(transfer.heard, false)) {
    transfer.last_byte = now;
  }
  const Nanoseconds idle = transfer.request.idle_limit;
  if (transfer.deadline && now >= *transfer.deadline) {
    finish(id, Error(Code::kDeadlineExceeded,
                     fmt::format("no complete answer from {} within {}", transfer.peer(),
                                 format_duration(transfer.request.deadline)),
                     Retry::kTransient));
  } else if (idle > Nanoseconds(0) && now >= transfer.last_byte + idle) {
    finish(id,
           Error(Code::kDeadlineExceeded,
                 fmt::format("{} has been silent for {}", transfer.peer(), format_duration(idle)),
                 Retry::kTransient));
  } else {
    arm(transfer);
  }
}

// Takes the transfers that curl has ended.
void Client::collect() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) {
      continue;
    }
    const CURLcode code = message->data.result;
    char* user = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &user);
    Transfer& transfer = *reinterpret_cast<Transfer*>(user);
    long status = 0;
    curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    transfer.response.status = static_cast<int>(status);
    if (transfer.refused) {
      finish(transfer.id, *std::move(transfer.refused));
    } else if (code == CURLE_OK || transfer.sink_had_enough) {
      finish(transfer.id, std::move(transfer.response));
    } else {
      finish(transfer.id, transfer_error(transfer, code));
    }
  }
}

void Client::finish(TransferId id, Result<ClientResponse> outcome) {
  const auto node = active_.extract(id);
  if (node.empty()) {
    return;  // it ended before the order came
  }
  Transfer& transfer = *node.mapped();
  if (transfer.timer != 0) {
    clock_.cancel(transfer.timer);
  }
  if (transfer.easy) {
    curl_multi_remove_handle(multi_.get(), transfer.easy.get());
    transfer.easy.reset();
  }
  transfer.outcome = std::move(outcome);
  transfer.resume();
}

}  // namespace

std::string_view ClientResponse::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : std::string_view(found->second);
}

bool is_transient_status(int status) {
  return status == 408 || status == 425 || status == 429 || status == 500 || status == 502 ||
         status == 503 || status == 504;
}

Result<std::unique_ptr<HttpClient>> HttpClient::create(env::Clock& clock, ClientOptions options) {
  HF_TRY(options.tls.pin, normal_pin(options.tls.pin));
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  std::unique_ptr<CURLM, FreeMulti> multi(curl_multi_init());
  if (initialised != CURLE_OK || !multi) {
    return Error(Code::kInternal, "cannot initialise libcurl");
  }
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_TOTAL_CONNECTIONS,
                    static_cast<long>(options.max_connections));
  curl_multi_setopt(multi.get(), CURLMOPT_MAX_HOST_CONNECTIONS,
                    static_cast<long>(options.max_connections_per_host));
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(options.max_connections));
  return std::make_unique<Client>(clock, std::move(options), std::move(multi));
}

}  // namespace holdfast::net

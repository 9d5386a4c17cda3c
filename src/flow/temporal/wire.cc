#include "flow/temporal/wire.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/check.h"
#include "core/base/log.h"
#include "flow/temporal/errors.h"
#include "flow/temporal/wire_call.h"

namespace holdfast::flow::temporal {
namespace {

constexpr Nanoseconds kLongestWait = std::chrono::seconds(5);  // silence is looked for so often
constexpr Nanoseconds kFirstPause = std::chrono::milliseconds(200);
constexpr Nanoseconds kLongestPause = std::chrono::seconds(5);

// Numbers of gRPC's statuses.
constexpr int kStatusCancelled = 1;
constexpr int kStatusDeadlineExceeded = 4;

// The wire whose events this thread handles: what begins in a handler goes out after it.
thread_local const Wire* served_here = nullptr;

}  // namespace

Wire::Wire(env::Clock& clock, Dial dial, Headers headers)
    : clock_(clock),
      dial_(std::move(dial)),
      headers_(std::move(headers)),
      wake_descriptor_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      pause_(kFirstPause) {
  HF_CHECK(wake_descriptor_ >= 0, "no descriptor is left for the connection to Temporal");
}

Wire::~Wire() { ::close(wake_descriptor_); }

std::shared_ptr<PendingCall> Wire::begin(std::string path, std::string_view request,
                                         Nanoseconds deadline, CallDone done) {
  auto call =
      std::make_shared<WireCall>(shared_from_this(), std::move(path), request, std::move(done));
  Lock lock(mutex_);
  if (stopped_) {
    lock.unlock();
    call->done(Error(Code::kCancelled, "the connection to Temporal is closed"));
    return call;
  }
  ++under_way_;
  call->deadline = clock_.mono() + deadline;
  open_.emplace(call->deadline, call);
  place(call);
  if (waits_until_ && call->deadline < *waits_until_) {
    wake();
  }
  return call;
}

void Wire::cancel(const CallPtr& call) {
  const Lock lock(mutex_);
  end(call, call_error(kStatusCancelled, "cancelled by the caller", ""));
}

void Wire::shut_down() {
  Lock lock(mutex_);
  stopped_ = true;
  while (!open_.empty()) {
    end(open_.begin()->second, call_error(kStatusCancelled, "the connection is closed", ""));
  }
  quiet_.wait(lock, [this] { return under_way_ == 0; });
}

void Wire::close() {
  std::jthread dialler;
  {
    const Lock lock(mutex_);
    closed_ = true;
    dialler = std::move(dialler_);
    wake();
  }
  dialler = {};  // stops it and waits
  const Lock lock(mutex_);
  current_.reset();
  links_.clear();
}

void Wire::place(CallPtr call) {
  if (current_ != nullptr && !current_->takes_calls()) {
    current_.reset();
  }
  if (current_ != nullptr && send_over(current_, call)) {
    return;
  }
  const MonoTime now = clock_.mono();
  if (!dialling_ && last_failure_ && now < dial_again_) {
    end(call, *last_failure_);
    return;
  }
  waiting_.push_back(call);
  if (!dialling_) {
    start_dialling();
  }
}

bool Wire::send_over(LinkPtr link, const CallPtr& call) {
  const std::string timeout = grpc_timeout(call->deadline - clock_.mono());
  std::vector<net::Http2Session::Header> headers = {{":method", "POST"}, {":path", call->path}};
  headers.reserve(headers_.size() + 3);
  for (const auto& [name, value] : headers_) {
    headers.push_back({name, value});
  }
  headers.push_back({"grpc-timeout", timeout, true});
  const auto stream = link->request(headers, call->frame, call);
  if (!stream) {
    return false;
  }
  call->link = link;
  call->stream = *stream;
  push_out(link);
  return true;
}

void Wire::push_out(LinkPtr link) {
  if (served_here == this && !waits_until_) {
    return;  // flush_all() before the next wait
  }
  if (const Status sent = link->flush(); !sent) {
    end_link(link, sent.error());
  } else if (link->wants_output()) {
    wake();
  }
}

void Wire::end(CallPtr call, Result<std::string> outcome) {
  if (std::exchange(call->ended, true)) {
    return;
  }
  call->outcome = outcome ? std::move(outcome)
                          : Result<std::string>(std::move(outcome).error().with(
                                "call", call->path.substr(call->path.rfind('/') + 1)));
  open_.erase({call->deadline, call});
  std::erase(waiting_, call);
  if (const LinkPtr link = std::exchange(call->link, nullptr)) {
    link->abandon(call->stream);
    push_out(link);
  }
  ended_.push_back(std::move(call));
  wake();
}

void Wire::stream_closed(CallPtr call, std::uint32_t http2_error) {
  call->link.reset();
  if (GrpcAnswer::refused(http2_error) && !call->ended && !std::exchange(call->moved, true)) {
    call->answer = {};
    waiting_.push_back(call);  // wait_for_news() places it
    return;
  }
  end(call, call->answer.finish(http2_error));
}

void Wire::end_link(LinkPtr link, const Error& error) {
  std::erase(links_, link);
  if (current_ == link) {
    current_.reset();
    log_info("temporal.connection_lost", {{"error", error.to_string()}});
    if (!link->was_heard()) {
      back_off(error);  // somebody listens there who does not speak HTTP/2
    } else {
      pause_ = kFirstPause;
    }
  }
  std::vector<CallPtr> lost;
  for (const auto& [deadline, call] : open_) {
    if (call->link == link) {
      lost.push_back(call);
    }
  }
  const Error broke =
      Error(Code::kUnavailable, "the connection to Temporal broke", Retry::kTransient)
          .caused_by(error);
  for (const CallPtr& call : lost) {
    call->link.reset();
    end(call, broke);
  }
}

void Wire::start_dialling() {
  dialling_ = true;
  dialler_ = std::jthread([this](const std::stop_token& stop) { dialled(dial_(stop)); });
}

void Wire::dialled(Result<std::unique_ptr<net::ByteStream>> stream) {
  const Lock lock(mutex_);
  if (!stream) {
    back_off(stream.error());
    for (const CallPtr& call : std::exchange(waiting_, {})) {
      end(call, *last_failure_);
    }
  } else {
    last_failure_.reset();
    current_ = std::make_shared<Link>(std::move(*stream), clock_);
    links_.push_back(current_);
  }
  dialling_ = false;
  wake();  // look() places what waits
}

void Wire::back_off(const Error& error) {
  last_failure_ = error;
  dial_again_ = clock_.mono() + pause_;
  pause_ = std::min(pause_ * 2, kLongestPause);
}

ServingThread::Handler Wire::next() {
  served_here = this;
  Lock lock(mutex_);
  while (ended_.empty()) {
    if (closed_) {
      return nullptr;
    }
    wait_for_news(lock);
  }
  CallPtr call = std::move(ended_.front());
  ended_.pop_front();
  return [call = std::move(call)] { finish(call); };
}

void Wire::finish(const CallPtr& call) {
  {
    CallDone done = std::exchange(call->done, nullptr);
    done(std::move(call->outcome));
  }
  Wire& wire = *call->wire;
  const Lock lock(wire.mutex_);
  if (--wire.under_way_ == 0) {
    wire.quiet_.notify_all();
  }
}

void Wire::wait_for_news(Lock& lock) {
  for (const LinkPtr& link : std::vector<LinkPtr>(links_)) {
    if (const Status sent = link->flush(); !sent) {
      end_link(link, sent.error());
    }
  }
  std::erase_if(links_, [](const LinkPtr& link) { return link->is_done(); });
  if (!ended_.empty()) {
    return;
  }
  const std::vector<LinkPtr> links = links_;
  std::vector<pollfd> entries = {{wake_descriptor_, POLLIN, 0}};
  for (const LinkPtr& link : links) {
    const int output = link->wants_output() ? POLLOUT : 0;
    entries.push_back({link->descriptor(), static_cast<short>(POLLIN | output), 0});
  }
  const MonoTime now = clock_.mono();
  const MonoTime first = open_.empty() ? MonoTime::max() : open_.begin()->first;
  waits_until_ = std::clamp(first, now, now + kLongestWait);
  const auto time = std::chrono::ceil<std::chrono::milliseconds>(*waits_until_ - now);
  lock.unlock();
  ::poll(entries.data(), entries.size(), static_cast<int>(time.count()));
  lock.lock();
  waits_until_.reset();
  if (entries[0].revents != 0) {
    eventfd_t count = 0;
    ::eventfd_read(wake_descriptor_, &count);
  }
  for (std::size_t i = 0; i < links.size(); ++i) {
    if (entries[i + 1].revents != 0) {
      if (const Status heard = links[i]->receive(); !heard) {
        end_link(links[i], heard.error());
      }
    }
  }
  look(clock_.mono());
}

void Wire::look(MonoTime now) {
  while (!open_.empty() && open_.begin()->first <= now) {
    end(open_.begin()->second, call_error(kStatusDeadlineExceeded, "deadline exceeded", ""));
  }
  for (const LinkPtr& link : std::vector<LinkPtr>(links_)) {
    if (const Status alive = link->look(now); !alive) {
      end_link(link, alive.error());
    }
  }
  if (!dialling_) {
    for (const CallPtr& call : std::exchange(waiting_, {})) {
      place(call);  // refused by a server that goes
    }
  }
}

void Wire::wake() {
  if (waits_until_) {
    ::eventfd_write(wake_descriptor_, 1);
  }
}

}  // namespace holdfast::flow::temporal

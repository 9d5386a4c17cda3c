#include "flow/temporal/polls.h"

#include "core/base/log.h"

namespace holdfast::flow::temporal {
namespace {

constexpr Nanoseconds kAfterFailure = std::chrono::seconds(1);

}  // namespace

class Polls::Poll final : public Slot, public std::enable_shared_from_this<Poll> {
 public:
  Poll(Polls& all, std::string request, Handle handle)
      : all_(all), request_(std::move(request)), handle_(std::move(handle)) {}

  void again() override {
    if (all_.stopping()) {
      return all_.over();
    }
    all_.caller_.send_then(
        all_.method_, request_, {kPollDeadline, kRepeats}, all_.stop_.get_token(),
        [self = shared_from_this()](const Result<std::string>& answer) { self->answered(answer); });
  }

  // A stop waits for the end of the pause.
  void again_later() override {
    auto& clock = all_.caller_.clock();
    clock.call_at(clock.mono() + kAfterFailure, [self = shared_from_this()] { self->again(); });
  }

 private:
  void answered(const Result<std::string>& answer) {
    if (answer) {
      return handle_(*answer, shared_from_this());
    }
    if (all_.stopping()) {
      return all_.over();
    }
    if (answer.error().code() == Code::kDeadlineExceeded) {
      return again();
    }
    log_warn("temporal.poll_failed", {{"error", answer.error().to_string()}});
    again_later();
  }

  Polls& all_;
  const std::string request_;
  const Handle handle_;
};

void Polls::add(std::string request, Handle handle) {
  {
    const std::lock_guard lock(mutex_);
    ++under_way_;
  }
  std::make_shared<Poll>(*this, std::move(request), std::move(handle))->again();
}

std::shared_ptr<void> Polls::errand() {
  const std::lock_guard lock(mutex_);
  ++under_way_;
  return {this, [](Polls* all) { all->over(); }};
}

void Polls::over() {
  const std::lock_guard lock(mutex_);
  --under_way_;
  quiet_.notify_all();
}

void Polls::stop() {
  ask_to_stop();
  std::unique_lock lock(mutex_);
  quiet_.wait(lock, [this] { return under_way_ == 0; });
}

}  // namespace holdfast::flow::temporal

#include "domain/activities/progress_beat.h"

#include <mutex>

namespace holdfast::activities {

struct ProgressBeat::State : std::enable_shared_from_this<State> {
  State(env::Clock& used, flow::ActivityContext& told, std::function<Json()> made)
      : clock(used), activity(told), details(std::move(made)) {}

  void beat() {
    const std::lock_guard lock(mutex);
    if (stopped) {
      return;
    }
    activity.heartbeat(details());
    clock.call_at(clock.mono() + std::chrono::seconds(1),
                  [self = shared_from_this()] { self->beat(); });
  }

  env::Clock& clock;
  flow::ActivityContext& activity;
  std::function<Json()> details;
  std::mutex mutex;
  bool stopped = false;
};

ProgressBeat::ProgressBeat(env::Clock& clock, flow::ActivityContext& activity,
                           std::function<Json()> details)
    : state_(std::make_shared<State>(clock, activity, std::move(details))) {
  state_->beat();
}

ProgressBeat::~ProgressBeat() {
  const std::lock_guard lock(state_->mutex);
  state_->stopped = true;
}

}  // namespace holdfast::activities

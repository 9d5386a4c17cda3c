#include "drivers/storage/ontap/gate.h"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>

namespace holdfast::storage::ontap {

namespace asio = boost::asio;

struct Gate::State {
  struct Waiter {
    std::move_only_function<void(bool)> resume;  // true: a place is theirs
  };

  std::mutex mutex;
  int free = 0;
  std::deque<std::shared_ptr<Waiter>> waiting;

  // Takes a place at once, or queues the waiter.
  void queue(const std::shared_ptr<Waiter>& waiter) {
    {
      const std::lock_guard lock(mutex);
      if (free == 0) {
        waiting.push_back(waiter);
        return;
      }
      --free;
    }
    waiter->resume(true);
  }

  void give_back() {
    std::shared_ptr<Waiter> next;
    {
      const std::lock_guard lock(mutex);
      if (waiting.empty()) {
        ++free;
        return;
      }
      next = std::move(waiting.front());
      waiting.pop_front();
    }
    next->resume(true);
  }

  void cancel(const std::shared_ptr<Waiter>& waiter) {
    {
      const std::lock_guard lock(mutex);
      const auto found = std::find(waiting.begin(), waiting.end(), waiter);
      if (found == waiting.end()) {
        return;
      }
      waiting.erase(found);
    }
    waiter->resume(false);
  }
};

Gate::Gate(int places) : state_(std::make_shared<State>()) { state_->free = places; }

Gate::Pass::~Pass() {
  if (state_) {
    state_->give_back();
  }
}

async::Co<Result<Gate::Pass>> Gate::enter() {
  const std::shared_ptr<State> state = state_;
  const bool entered = co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(bool)>(
      [state](auto handler) {
        auto waiter = std::make_shared<State::Waiter>();
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
          slot.assign([state, weak = std::weak_ptr(waiter)](asio::cancellation_type) {
            if (const auto alive = weak.lock()) {
              state->cancel(alive);
            }
          });
        }
        auto executor = asio::get_associated_executor(handler);
        waiter->resume = [executor, kept = std::move(handler)](bool mine) mutable {
          asio::post(executor,
                     [taken = std::move(kept), mine]() mutable { std::move(taken)(mine); });
        };
        state->queue(waiter);
      },
      asio::use_awaitable);
  if (!entered) {
    co_return Error(Code::kCancelled, "the request was cancelled");
  }
  co_return Pass(state);
}

}  // namespace holdfast::storage::ontap

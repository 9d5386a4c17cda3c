// The coroutine type of workflow code. It awaits workflow operations only: anything else (files,
// network, Co<T>, sleeping) does not compile.
//
// A Task starts when it is awaited or forked (WorkflowContext::fork). A Future is an operation
// already under way; awaiting it gives its value, as often as one likes. The run owns all frames;
// when it ends they are destroyed where they stand, and operations called by destructors do
// nothing.
#pragma once

#include <coroutine>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/base/check.h"

namespace holdfast::flow {

namespace detail {

// Where coroutines that became ready wait for their turn, in order. One per run.
class ReadyQueue {
 public:
  virtual ~ReadyQueue() = default;
  virtual void make_ready(std::coroutine_handle<> coroutine) = 0;
};

template <class T>
struct FutureState {
  explicit FutureState(ReadyQueue* queue) : ready_queue(queue) {}

  // The first value counts.
  void resolve(T with) {
    if (value) {
      return;
    }
    value.emplace(std::move(with));
    for (const std::coroutine_handle<> waiter : std::exchange(waiters, {})) {
      ready_queue->make_ready(waiter);
    }
  }

  ReadyQueue* ready_queue;
  std::optional<T> value;
  std::vector<std::coroutine_handle<>> waiters;
  std::function<void()> request_cancel;
};

}  // namespace detail

// An operation of a run that is under way or done. Copies share the operation; dropping all of them
// does not stop it.
template <class T>
class [[nodiscard]] Future {
 public:
  explicit Future(std::shared_ptr<detail::FutureState<T>> state) : state_(std::move(state)) {}

  bool ready() const { return state_->value.has_value(); }
  // The value; the future is ready.
  const T& get() const {
    const std::optional<T>& value = state_->value;
    HF_CHECK(value.has_value(), "a future is read after it became ready");
    return *value;
  }
  // Asks this one operation to stop; its value then tells (kCancelled). No effect when done.
  void cancel() const {
    if (!ready() && state_->request_cancel) {
      state_->request_cancel();
    }
  }

  struct Awaiter {
    std::shared_ptr<detail::FutureState<T>> state;
    bool await_ready() const { return state->value.has_value(); }
    void await_suspend(std::coroutine_handle<> waiter) { state->waiters.push_back(waiter); }
    T await_resume() const { return Future(state).get(); }
  };
  Awaiter awaiter() const { return Awaiter{state_}; }

 private:
  std::shared_ptr<detail::FutureState<T>> state_;
};

template <class T>
class Task;

namespace detail {

template <class X>
inline constexpr bool kIsWorkflowOperation = false;
template <class T>
inline constexpr bool kIsWorkflowOperation<Future<T>> = true;
template <class T>
inline constexpr bool kIsWorkflowOperation<Task<T>> = true;

struct PromiseBase {
  std::coroutine_handle<> continuation = std::noop_coroutine();
  std::exception_ptr thrown;

  std::suspend_always initial_suspend() noexcept { return {}; }

  struct Final {
    bool await_ready() noexcept { return false; }
    template <class P>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<P> self) noexcept {
      return self.promise().continuation;
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
  void unhandled_exception() { thrown = std::current_exception(); }

  template <class X>
  auto await_transform(X&& awaited) {
    static_assert(kIsWorkflowOperation<std::remove_cvref_t<X>>,
                  "workflow code awaits only workflow operations (flow/workflow.h); "
                  "anything that touches the outside belongs into an activity");
    return std::forward<X>(awaited).awaiter();
  }
};

template <class T>
struct Promise : PromiseBase {
  std::optional<T> value;
  Task<T> get_return_object();
  void return_value(T with) { value.emplace(std::move(with)); }
  T take() {
    if (thrown) {
      std::rethrow_exception(thrown);
    }
    HF_CHECK(value.has_value(), "a task that is awaited has returned or thrown");
    return std::move(*value);
  }
};

template <>
struct Promise<void> : PromiseBase {
  Task<void> get_return_object();
  void return_void() {}
  void take() {
    if (thrown) {
      std::rethrow_exception(thrown);
    }
  }
};

}  // namespace detail

template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) {
      handle_.destroy();
    }
  }

  struct Awaiter {
    Handle handle;
    bool await_ready() const { return false; }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) {
      handle.promise().continuation = caller;
      return handle;
    }
    T await_resume() { return handle.promise().take(); }
  };
  Awaiter awaiter() const { return Awaiter{handle_}; }
  Handle handle() const { return handle_; }

 private:
  Handle handle_;
};

template <class T>
Task<T> detail::Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise<T>>::from_promise(*this));
}
inline Task<void> detail::Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise<void>>::from_promise(*this));
}

}  // namespace holdfast::flow

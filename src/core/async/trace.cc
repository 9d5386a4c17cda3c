#include "core/async/trace.h"

#include <boost/asio/execution.hpp>
#include <boost/asio/prefer.hpp>
#include <boost/asio/query.hpp>
#include <boost/asio/require.hpp>

#include <memory>
#include <utility>

namespace holdfast::async {
namespace {

namespace asio = boost::asio;

thread_local const Trace* current = nullptr;

// Sets a trace that somebody else owns.
class Borrowed {
 public:
  explicit Borrowed(const Trace* trace) : before_(std::exchange(current, trace)) {}
  ~Borrowed() { current = before_; }
  Borrowed(const Borrowed&) = delete;
  Borrowed& operator=(const Borrowed&) = delete;

 private:
  const Trace* before_;
};

// An executor in the sense of asio: all properties are those of the one inside.
class TracedExecutor {
 public:
  TracedExecutor(Executor inner, std::shared_ptr<const Trace> trace) noexcept
      : inner_(std::move(inner)), trace_(std::move(trace)) {}

  template <class Property>
    requires asio::can_query<const Executor&, Property>::value
  decltype(auto) query(const Property& property) const {
    return asio::query(inner_, property);
  }
  template <class Property>
    requires asio::can_require<const Executor&, Property>::value
  TracedExecutor require(const Property& property) const {
    return TracedExecutor(asio::require(inner_, property), trace_);
  }
  template <class Property>
    requires asio::can_prefer<const Executor&, Property>::value
  TracedExecutor prefer(const Property& property) const {
    return TracedExecutor(asio::prefer(inner_, property), trace_);
  }
  template <class Function>
  void execute(Function&& function) const {
    inner_.execute([trace = trace_, work = std::forward<Function>(function)]() mutable {
      const Borrowed scope(trace.get());
      std::move(work)();
    });
  }
  friend bool operator==(const TracedExecutor& a, const TracedExecutor& b) noexcept {
    return a.inner_ == b.inner_ && a.trace_ == b.trace_;
  }

 private:
  Executor inner_;
  std::shared_ptr<const Trace> trace_;
};

}  // namespace

Trace current_trace() { return current == nullptr ? Trace() : *current; }

TraceScope::TraceScope(Trace trace)
    : trace_(std::move(trace)), before_(std::exchange(current, &trace_)) {}

TraceScope::~TraceScope() { current = before_; }

Executor traced(Executor inner) {
  if (current == nullptr) {
    return inner;
  }
  return TracedExecutor(std::move(inner), std::make_shared<const Trace>(*current));
}

}  // namespace holdfast::async

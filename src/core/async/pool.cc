#include "core/async/pool.h"

#include <pthread.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <thread>
#include <vector>

#include "core/base/check.h"

namespace holdfast::async {

struct Pool::State {
  explicit State(int threads) : context(threads), guard(context.get_executor()) {}

  boost::asio::io_context context;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard;
  std::vector<std::thread> workers;
};

Pool::Pool(std::string name, int threads)
    : name_(std::move(name)), threads_(threads), state_(std::make_unique<State>(threads)) {
  HF_CHECK(threads > 0, "a pool has threads");
  for (int i = 0; i < threads; ++i) {
    state_->workers.emplace_back([this] {
      pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
      state_->context.run();
    });
  }
}

Pool::~Pool() {
  state_->guard.reset();
  state_->context.stop();
  for (std::thread& worker : state_->workers) {
    worker.join();
  }
}

Executor Pool::executor() const { return state_->context.get_executor(); }

void Pool::post(std::move_only_function<void()> work) {
  boost::asio::post(state_->context, [task = std::move(work)]() mutable { task(); });
}

}  // namespace holdfast::async

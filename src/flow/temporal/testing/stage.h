// The stage of stories (flow/testing/stage.h) on a real Temporal server.
#pragma once

#include "flow/temporal/engine.h"
#include "flow/temporal/testing/dev_server.h"
#include "flow/testing/stage.h"

namespace holdfast::flow::temporal {

using stories::milliseconds;
using stories::pause;
using stories::seconds;

// On the server of this process, with a task queue of its own.
class TemporalStage : public stories::Stage {
 public:
  TemporalStage() {
    options.address = dev_server();
    options.task_queue = uuid_v4(random.bytes16());
    prefix = options.task_queue + "/";
  }
  ~TemporalStage() override {
    join_aside();
    engine.reset();
  }
  void open() override {
    options.cache_size = cache_size;
    engine = std::make_unique<Engine>(clock, random, workflows, activities, options);
    const Status started = engine->start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void restart() override {
    engine->stop();
    join_aside();
    engine.reset();
    open();
  }
  Client& client() override { return engine->client(); }
  TaskClient& tasks() override { return engine->tasks(); }
  // The server has what it acknowledged, whatever a worker does.
  void call_during_task(std::function<void()> call) override { call(); }
  void add_search_attributes(std::map<std::string, std::string> attributes) override {
    options.search_attributes.merge(std::move(attributes));
  }

  Options options;
  std::unique_ptr<Engine> engine;
};

}  // namespace holdfast::flow::temporal

#include "daemon/running_engine.h"

#include "flow/embedded/engine.h"
#if HOLDFAST_WITH_TEMPORAL
#include "flow/temporal/engine.h"
#endif

namespace holdfast::daemon {
namespace {

template <class E>
class Running final : public RunningEngine {
 public:
  explicit Running(std::unique_ptr<E> engine) : engine_(std::move(engine)) {}
  flow::Client& client() override { return engine_->client(); }
  flow::TaskClient& tasks() override { return engine_->tasks(); }
  void stop() override { engine_->stop(); }

 private:
  std::unique_ptr<E> engine_;
};

template <class E>
Result<std::unique_ptr<RunningEngine>> started(std::unique_ptr<E> engine) {
  HF_TRY_VOID(engine->start());
  return std::make_unique<Running<E>>(std::move(engine));
}

#if HOLDFAST_WITH_TEMPORAL
Result<std::unique_ptr<RunningEngine>> start_temporal(const Config& config, EngineParts parts) {
  flow::temporal::Options options = config.temporal;
  options.search_attributes = {{"trigger", "Keyword"},
                               {"resource", "Keyword"},
                               {"resource_id", "Keyword"},
                               {"waiting_for", "Keyword"}};
  return started(std::make_unique<flow::temporal::Engine>(
      parts.clock, parts.random, parts.workflows, parts.activities, std::move(options)));
}
#else
Result<std::unique_ptr<RunningEngine>> start_temporal(const Config&, EngineParts) {
  return Error(Code::kFailedPrecondition,
               "this holdfast was built without Temporal (HOLDFAST_TEMPORAL=OFF); use the embedded "
               "engine or another build")
      .with("field", "flow.engine");
}
#endif

}  // namespace

Result<std::unique_ptr<RunningEngine>> RunningEngine::start(const Config& config,
                                                            EngineParts parts) {
  if (config.engine == Config::Engine::kTemporal) {
    return start_temporal(config, parts);
  }
  return started(std::make_unique<flow::embedded::Engine>(parts.database, parts.clock, parts.random,
                                                          parts.workflows, parts.activities,
                                                          config.embedded));
}

}  // namespace holdfast::daemon

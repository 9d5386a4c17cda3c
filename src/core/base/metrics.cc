#include "core/base/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <memory>
#include <mutex>

namespace holdfast {
namespace {

struct Registry {
  std::mutex mutex;
  prometheus::Registry registry;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Counter>> counters;
  std::map<std::pair<std::string, Labels>, std::unique_ptr<Gauge>> gauges;
};

Registry& instance() {
  static Registry registry;
  return registry;
}

}  // namespace

void Counter::add(double value) {
  static_cast<prometheus::Counter*>(implementation_)->Increment(value);
}

void Gauge::set(double value) { static_cast<prometheus::Gauge*>(implementation_)->Set(value); }

Counter& counter(std::string_view name, std::string_view help, const Labels& labels) {
  Registry& all = instance();
  const std::lock_guard lock(all.mutex);
  std::unique_ptr<Counter>& slot = all.counters[{std::string(name), labels}];
  if (!slot) {
    auto& family = prometheus::BuildCounter()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(all.registry);
    slot = std::make_unique<Counter>(&family.Add(labels));
  }
  return *slot;
}

Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels) {
  Registry& all = instance();
  const std::lock_guard lock(all.mutex);
  std::unique_ptr<Gauge>& slot = all.gauges[{std::string(name), labels}];
  if (!slot) {
    auto& family = prometheus::BuildGauge()
                       .Name(std::string(name))
                       .Help(std::string(help))
                       .Register(all.registry);
    slot = std::make_unique<Gauge>(&family.Add(labels));
  }
  return *slot;
}

void remove_gauges(const Labels& labels) {
  Registry& all = instance();
  const std::lock_guard lock(all.mutex);
  std::erase_if(all.gauges, [&](const auto& entry) {
    const auto& [name, has] = entry.first;
    if (!std::includes(has.begin(), has.end(), labels.begin(), labels.end())) {
      return false;
    }
    auto& family = prometheus::BuildGauge().Name(name).Register(all.registry);
    family.Remove(static_cast<prometheus::Gauge*>(entry.second->implementation()));
    return true;
  });
}

std::string metrics_text() {
  return prometheus::TextSerializer().Serialize(instance().registry.Collect());
}

}  // namespace holdfast

// What the activities on storage systems share: the driver and the volume of their input.
#pragma once

#include <utility>

#include "core/async/run.h"
#include "core/base/log.h"
#include "domain/activities/data_context.h"
#include "drivers/storage/driver.h"
#include "flow/activity.h"

namespace holdfast::activities {

struct OpenVolume {
  storage::Driver* driver = nullptr;
  storage::Volume volume;
};

template <class T>
T wait(const DataContext& context, async::Co<T> operation) {
  return async::block_on(context.executor(), std::move(operation));
}

inline Result<OpenVolume> open_volume(const DataContext& context, const VolumeRef& reference) {
  OpenVolume open;
  HF_TRY(open.driver, context.driver(reference.driver));
  HF_TRY(open.volume, wait(context, open.driver->resolve(reference.path)));
  return open;
}

// The driver and the volume as the steps of one run share it; logs the call with the trace of the
// run that makes it.
inline Result<OpenVolume> open_volume(const DataContext& context,
                                      const flow::ActivityContext& activity,
                                      const VolumeRef& reference) {
  const auto trace = activity.info().header.find("traceparent");
  log_info("storage.call",
           {{"operation", activity.info().type},
            {"driver", reference.driver},
            {"path", reference.path},
            {"run", activity.info().workflow_id.text()},
            {"traceparent", trace == activity.info().header.end() ? "" : trace->second}});
  OpenVolume open;
  HF_TRY(open.driver, context.driver(reference.driver));
  HF_TRY(open.volume, context.look(*open.driver, reference.path, activity.info()));
  return open;
}

inline Result<OpenVolume> open_volume(const DataContext& context,
                                      const flow::ActivityContext& activity, const Json& input) {
  return open_volume(context, activity, decode<VolumeRef>(*find(input, "volume")));
}

}  // namespace holdfast::activities

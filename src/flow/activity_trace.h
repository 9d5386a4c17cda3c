// For whom an attempt works, as calls to other systems say it.
#pragma once

#include "core/async/trace.h"
#include "flow/activity.h"

namespace holdfast::flow {

// Set it on the thread that calls a blocking activity.
inline async::Trace trace_of(const ActivityInfo& info) {
  const auto parent = info.header.find("traceparent");
  return {.parent = parent == info.header.end() ? "" : parent->second,
          .request = info.workflow_id.text() + "/" + info.activity_id};
}

}  // namespace holdfast::flow

// A run's changes as server-sent events.
#pragma once

#include <memory>
#include <string>

#include "core/net/server.h"
#include "domain/protect/services.h"

namespace holdfast::api {

// Writes `event: run` now and after each change, `event: end` when the run has ended, and a comment
// every 15 s of silence. A slow reader gets the newest state, not every one. Returns when the run
// has ended or the reader has gone.
async::Co<void> stream_run(const protect::Services* services, std::string id,
                           std::shared_ptr<net::EventWriter> writer);

}  // namespace holdfast::api

// The load that nobody makes: what metrics show. A curve of the time of day, different for every
// object and the same whenever the same instant is asked for, so that averages and trends agree.
#pragma once

#include <string_view>

#include "core/base/time.h"

namespace holdfast::ontap_sim {

struct Load {
  double read_iops = 0;
  double write_iops = 0;
  double other_iops = 0;
  double latency = 0;          // microseconds
  double throughput_read = 0;  // bytes a second
  double throughput_write = 0;

  double iops() const { return read_iops + write_iops + other_iops; }
  double throughput() const { return throughput_read + throughput_write; }
};

Load load_at(std::string_view object, UtcTime when);

}  // namespace holdfast::ontap_sim

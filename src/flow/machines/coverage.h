// How much of a machine's table was used in this process.
#pragma once

#include <cstddef>

namespace holdfast::flow::machines {

struct Coverage {
  int lines = 0;
  int taken = 0;
};

template <class M>
Coverage coverage_of(const M& machine) {
  Coverage coverage{static_cast<int>(M::size()), 0};
  for (std::size_t i = 0; i < M::size(); ++i) {
    coverage.taken += machine.taken(i) > 0 ? 1 : 0;
  }
  return coverage;
}

}  // namespace holdfast::flow::machines

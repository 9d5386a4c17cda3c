#include "domain/inventory/model.h"

#include <algorithm>
#include <array>

namespace holdfast::inventory {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames{"L0", "L1", "L2", "L3", "L4"};
constexpr std::array<std::string_view, 3> kStateNames{"proven", "covered", "unproven"};

}  // namespace

std::string_view proof_level_name(ProofLevel level) {
  return kLevelNames.at(static_cast<size_t>(level));
}

Result<ProofLevel> proof_level_from_name(std::string_view name) {
  const auto found = std::find(kLevelNames.begin(), kLevelNames.end(), name);
  if (found == kLevelNames.end()) {
    return Error(Code::kInvalidArgument,
                 "'" + std::string(name) + "' is no proof level: use L1, L2, L3 or L4");
  }
  return static_cast<ProofLevel>(found - kLevelNames.begin());
}

bool satisfies(ProofLevel reached, ProofLevel wanted) {
  if (wanted == ProofLevel::kL3) {
    return reached == ProofLevel::kL3;  // comparing with the source runs no probe
  }
  return reached >= wanted;
}

std::string_view point_state_name(PointState state) {
  return kStateNames.at(static_cast<size_t>(state));
}

PointState state_of(const Point& point, const std::vector<ProofRecord>& records,
                    const ProofDemand& demand, UtcTime now) {
  PointState state = PointState::kUnproven;
  for (const Copy& copy : point.copies) {
    if (copy.state != "available") {
      continue;
    }
    if (satisfies(copy.proof.level, demand.level)) {
      return PointState::kProven;
    }
    const bool covered =
        std::any_of(records.begin(), records.end(), [&](const ProofRecord& record) {
          return record.level == copy.level && record.method == copy.method &&
                 satisfies(record.proof.level, demand.level) &&
                 now - record.proof.at < demand.interval;
        });
    if (covered && copy.proof.level >= ProofLevel::kL1) {
      state = PointState::kCovered;
    }
  }
  return state;
}

Proof best_proof(const Point& point) {
  Proof best;
  for (const Copy& copy : point.copies) {
    if (copy.state == "available" && copy.proof.level > best.level) {
      best = copy.proof;
    }
  }
  return best;
}

bool usable(const Point& point) {
  return std::any_of(point.copies.begin(), point.copies.end(),
                     [](const Copy& copy) { return copy.state == "available"; });
}

}  // namespace holdfast::inventory

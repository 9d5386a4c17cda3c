#include "domain/inventory/model.h"

#include <gtest/gtest.h>

namespace holdfast::inventory {
namespace {

using std::chrono::hours;

const UtcTime kNow{std::chrono::seconds(1'000'000'000)};

Copy copy(ProofLevel level, std::string state = "available") {
  Copy made;
  made.level = "local_snapshot";
  made.method = "restic";
  made.state = std::move(state);
  made.proof.level = level;
  made.proof.at = kNow;
  return made;
}

Point point(Copy only) {
  Point made;
  made.copies = {std::move(only)};
  return made;
}

ProofRecord record(ProofLevel level, hours age) {
  return {"local_snapshot", "restic", {level, kNow - age, "run_1", ""}};
}

TEST(PointState, ProvenByItsOwnProofAtTheDemandedLevel) {
  const ProofDemand demand;
  EXPECT_EQ(state_of(point(copy(ProofLevel::kL2)), {}, demand, kNow), PointState::kProven);
  EXPECT_EQ(state_of(point(copy(ProofLevel::kL4)), {}, demand, kNow), PointState::kProven);
  EXPECT_EQ(state_of(point(copy(ProofLevel::kL1)), {}, demand, kNow), PointState::kUnproven);
  EXPECT_EQ(state_of(point(copy(ProofLevel::kL4, "missing")), {}, demand, kNow),
            PointState::kUnproven);
}

TEST(PointState, CoveredNeedsAYoungProofOfTheSameKindAndItsOwnReadBack) {
  const ProofDemand demand;
  const Point read_back = point(copy(ProofLevel::kL1));
  EXPECT_EQ(state_of(read_back, {record(ProofLevel::kL2, hours(1))}, demand, kNow),
            PointState::kCovered);
  EXPECT_EQ(state_of(read_back, {record(ProofLevel::kL2, hours(24 * 7))}, demand, kNow),
            PointState::kUnproven);
  EXPECT_EQ(state_of(read_back, {record(ProofLevel::kL1, hours(1))}, demand, kNow),
            PointState::kUnproven);
  EXPECT_EQ(
      state_of(point(copy(ProofLevel::kL0)), {record(ProofLevel::kL2, hours(1))}, demand, kNow),
      PointState::kUnproven);
  ProofRecord other = record(ProofLevel::kL2, hours(1));
  other.method = "btrfs_snapshot";
  EXPECT_EQ(state_of(read_back, {other}, demand, kNow), PointState::kUnproven);
}

TEST(ProofLevel, AComparisonIsNoProbe) {
  EXPECT_FALSE(satisfies(ProofLevel::kL4, ProofLevel::kL3));
  EXPECT_TRUE(satisfies(ProofLevel::kL3, ProofLevel::kL2));
  for (const auto level : {ProofLevel::kL0, ProofLevel::kL3, ProofLevel::kL4}) {
    EXPECT_EQ(proof_level_from_name(proof_level_name(level)).value(), level);
  }
  EXPECT_FALSE(proof_level_from_name("L5"));
}

TEST(BestProof, LooksOnlyAtCopiesThatCanBeRead) {
  Point both = point(copy(ProofLevel::kL1));
  both.copies.push_back(copy(ProofLevel::kL4, "expired"));
  EXPECT_EQ(best_proof(both).level, ProofLevel::kL1);
  EXPECT_TRUE(usable(both));
  EXPECT_FALSE(usable(point(copy(ProofLevel::kL4, "missing"))));
}

}  // namespace
}  // namespace holdfast::inventory

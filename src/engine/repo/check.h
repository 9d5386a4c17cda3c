// Is everything there, and is it what was stored?
#pragma once

#include <atomic>
#include <cstdint>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "engine/repo/repository.h"

namespace holdfast::repo {

struct CheckOptions {
  // Read back, open and hash packs: none, all, or the given ones.
  enum class ReadData { kNone, kAll, kChosen };
  ReadData read_data = ReadData::kNone;
  std::set<PackId> packs;  // for kChosen
  // Only the trees and chunks of these snapshots; empty: of all.
  std::vector<SnapshotId> snapshots;
  std::stop_token stop;
  std::atomic<std::uint64_t>* bytes_read = nullptr;  // progress
};

struct CheckReport {
  std::vector<std::string> errors;  // damage: something kept cannot be brought back
  std::vector<std::string> hints;   // harmless: orphaned packs, duplicates
  std::uint64_t snapshots = 0;
  std::uint64_t trees = 0;
  std::uint64_t chunks = 0;
  std::uint64_t packs = 0;
  std::uint64_t packs_read = 0;
  std::uint64_t bytes_read = 0;
  std::vector<PackId> broken_packs;
  bool ok() const { return errors.empty(); }
};

// Reads the index anew. Fails only when the repository cannot be examined at all; damage is in the
// report. The caller holds a lock.
Result<CheckReport> check(Repository& repository, const CheckOptions& options);

// The packs that hold the chunks of `snapshot` (and its trees), without those of `but_not`: what a
// proof has to read of a new point. The index is loaded.
Result<std::set<PackId>> packs_of(Repository& repository, const SnapshotId& snapshot,
                                  const std::vector<SnapshotId>& but_not = {});

}  // namespace holdfast::repo

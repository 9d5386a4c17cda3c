// Names of what a repository holds; each kind of its own type, so that swapped ids do not compile.
#pragma once

#include <compare>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "core/crypto/digest.h"

namespace holdfast::repo {

// All zero bytes mean "none".
template <class Tag>
struct Id {
  crypto::Digest digest{};

  auto operator<=>(const Id&) const = default;
  bool is_zero() const { return digest == crypto::Digest{}; }
  std::string hex() const { return to_hex(digest); }
  std::string short_hex() const { return hex().substr(0, 8); }
  static Result<Id> parse(std::string_view text) {
    HF_TRY(const crypto::Digest digest, crypto::parse_digest(text));
    return Id{digest};
  }
};

using ChunkId = Id<struct ChunkTag>;        // SHA-256 of the plaintext (restic: blob id)
using PackId = Id<struct PackTag>;          // SHA-256 of the pack file
using IndexId = Id<struct IndexTag>;        // SHA-256 of the index file
using SnapshotId = Id<struct SnapshotTag>;  // SHA-256 of the snapshot file

enum class ChunkKind { kData, kTree };

}  // namespace holdfast::repo

template <class Tag>
struct std::hash<holdfast::repo::Id<Tag>> {
  size_t operator()(const holdfast::repo::Id<Tag>& id) const {
    size_t value = 0;
    std::memcpy(&value, id.digest.data(), sizeof(value));
    return value;
  }
};

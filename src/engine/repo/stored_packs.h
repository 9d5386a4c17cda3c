// The packs that one writer has stored, and the index files that list them.
//
// A put that failed may have stored its object all the same. Such packs and index files are
// doubtful until settle_after(), which looks.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "engine/repo/ids.h"
#include "engine/repo/index.h"

namespace holdfast::repo {

class Repository;

// Thread-safe.
class StoredPacks {
 public:
  explicit StoredPacks(Repository& repository);

  // Stores the pack's bytes and enters it in the repository's index; writes an index file when
  // 50,000 chunks or 10 minutes have gathered.
  Status store(IndexedPack pack, ByteSpan bytes);
  // An index file of what was stored since the last one.
  Status write_index();
  // Once, after a failure, when nobody stores any more: no pack stays without an index. On a full
  // disk the packs since the last index go; after any other failure they get one. A pack that an
  // index lists is never removed: somebody may rely on it already.
  Status settle_after(const Error& why);

  std::vector<PackId> ids() const;

 private:
  struct DoubtfulIndex {
    std::string name;
    std::size_t packs = 0;  // it lists that many of unsaved_, from the first on
  };

  Status write_index_if(bool due);
  Status leave_out_what_is_listed();
  void give_up_unsaved();
  Status remove_doubtful();

  Repository& repository_;
  mutable std::mutex mutex_;
  std::vector<PackId> ids_;
  std::vector<IndexedPack> unsaved_;
  std::uint64_t unsaved_chunks_ = 0;
  MonoTime last_index_;
  std::vector<PackId> doubtful_packs_;  // to be removed: listed nowhere
  std::vector<DoubtfulIndex> doubtful_indexes_;
};

}  // namespace holdfast::repo

#include "engine/repo/stored_packs.h"

#include <algorithm>
#include <utility>

#include "engine/repo/repository.h"

namespace holdfast::repo {
namespace {

constexpr std::uint64_t kIndexChunks = 50'000;
constexpr Nanoseconds kIndexAge = std::chrono::minutes(10);

}  // namespace

StoredPacks::StoredPacks(Repository& repository)
    : repository_(repository), last_index_(repository.environment().clock->mono()) {}

Status StoredPacks::store(IndexedPack pack, ByteSpan bytes) {
  if (const Status put = repository_.put({blob::ObjectType::kPack, pack.id.hex()}, bytes); !put) {
    const std::lock_guard lock(mutex_);
    doubtful_packs_.push_back(pack.id);
    return put;
  }
  repository_.index().add(pack);
  {
    const std::lock_guard lock(mutex_);
    ids_.push_back(pack.id);
    unsaved_chunks_ += pack.entries.size();
    unsaved_.push_back(std::move(pack));
  }
  return write_index_if(/*due=*/false);
}

Status StoredPacks::write_index() { return write_index_if(/*due=*/true); }

Status StoredPacks::write_index_if(bool due) {
  const std::lock_guard lock(mutex_);
  const MonoTime now = repository_.environment().clock->mono();
  if (unsaved_.empty() ||
      !(due || unsaved_chunks_ >= kIndexChunks || now - last_index_ >= kIndexAge)) {
    return {};
  }
  const SealedFile file = repository_.seal_unpacked(to_json(unsaved_));
  const blob::ObjectKey key{blob::ObjectType::kIndex, to_hex(file.id)};
  if (const Status put = repository_.put(key, file.box); !put) {
    doubtful_indexes_.push_back({key.name, unsaved_.size()});
    return put;
  }
  unsaved_.clear();
  unsaved_chunks_ = 0;
  last_index_ = now;
  doubtful_indexes_.clear();  // where one is there, it lists nothing that this one does not
  return {};
}

Status StoredPacks::settle_after(const Error& why) {
  HF_TRY_VOID(leave_out_what_is_listed());
  bool full = why.code() == Code::kResourceExhausted;
  if (!full) {
    const Status written = write_index();
    full = !written && written.error().code() == Code::kResourceExhausted;
    if (!written && !full) {
      return written;
    }
  }
  if (full) {
    HF_TRY_VOID(leave_out_what_is_listed());
    give_up_unsaved();
  }
  return remove_doubtful();
}

// A doubtful index that is there is as good as any.
Status StoredPacks::leave_out_what_is_listed() {
  const std::lock_guard lock(mutex_);
  if (doubtful_indexes_.empty()) {
    return {};
  }
  HF_TRY(const auto files, repository_.list(blob::ObjectType::kIndex));
  std::size_t listed = 0;
  for (const DoubtfulIndex& index : doubtful_indexes_) {
    const bool there = std::any_of(files.begin(), files.end(), [&](const blob::ObjectInfo& file) {
      return file.key.name == index.name;
    });
    listed = there ? std::max(listed, index.packs) : listed;
  }
  unsaved_.erase(unsaved_.begin(), unsaved_.begin() + static_cast<std::ptrdiff_t>(listed));
  doubtful_indexes_.clear();
  return {};
}

void StoredPacks::give_up_unsaved() {
  const std::lock_guard lock(mutex_);
  for (const IndexedPack& pack : std::exchange(unsaved_, {})) {
    doubtful_packs_.push_back(pack.id);
  }
}

// Tries each one even if another cannot be removed; answers with the first failure.
Status StoredPacks::remove_doubtful() {
  const std::lock_guard lock(mutex_);
  Status done;
  for (const PackId& id : std::exchange(doubtful_packs_, {})) {
    const Status removed = repository_.remove({blob::ObjectType::kPack, id.hex()});
    if (!removed && done) {
      done = removed;
    }
  }
  return done;
}

std::vector<PackId> StoredPacks::ids() const {
  const std::lock_guard lock(mutex_);
  return ids_;
}

}  // namespace holdfast::repo

// Look-up by binary search in sorted arrays; additions wait in a hash map until there are enough of
// them to be worth a merge. Readers share the lock, so look-ups of several workers do not wait.
#include "engine/repo/index.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/base/json.h"

namespace holdfast::repo {
namespace {

Error broken(std::string_view what) {
  return Error(Code::kDataLoss, fmt::format("an index of the repository is damaged: {}", what));
}

Result<PackEntry> entry_from(const Json& value) {
  PackEntry entry;
  HF_TRY(entry.id, ChunkId::parse(get_string(value, "id")));
  const std::string type = get_string(value, "type");
  if (type != "data" && type != "tree") {
    return broken("unknown kind of chunk '" + type + "'");
  }
  entry.kind = type == "tree" ? ChunkKind::kTree : ChunkKind::kData;
  const std::int64_t offset = get_int(value, "offset");
  const std::int64_t length = get_int(value, "length");
  const std::int64_t plain = get_int(value, "uncompressed_length");
  const auto fits = [](std::int64_t number) { return number >= 0 && number <= UINT32_MAX; };
  if (!fits(offset) || !fits(length) || !fits(plain) || length < 32) {
    return broken("a length is impossible");
  }
  entry.offset = static_cast<std::uint32_t>(offset);
  entry.length = static_cast<std::uint32_t>(length);
  entry.plain_length = static_cast<std::uint32_t>(plain);
  return entry;
}

Result<IndexedPack> pack_from(const Json& value) {
  IndexedPack pack;
  HF_TRY(pack.id, PackId::parse(get_string(value, "id")));
  const Json* blobs = find(value, "blobs");
  if (blobs == nullptr || !blobs->is_array()) {
    return broken("a pack has no list of chunks");
  }
  pack.entries.reserve(blobs->as_array().size());
  for (const Json& item : blobs->as_array()) {
    HF_TRY(const PackEntry entry, entry_from(item));
    pack.entries.push_back(entry);
  }
  return pack;
}

}  // namespace

std::string to_json(const std::vector<IndexedPack>& packs) {
  std::string out = "{\"packs\":[";
  const char* pack_separator = "";
  for (const IndexedPack& pack : packs) {
    out += pack_separator;
    out += "{\"id\":\"" + pack.id.hex() + "\",\"blobs\":[";
    const char* separator = "";
    for (const PackEntry& entry : pack.entries) {
      fmt::format_to(std::back_inserter(out),
                     "{}{{\"id\":\"{}\",\"type\":\"{}\",\"offset\":{},\"length\":{}", separator,
                     entry.id.hex(), entry.kind == ChunkKind::kTree ? "tree" : "data", entry.offset,
                     entry.length);
      if (entry.plain_length != 0) {
        fmt::format_to(std::back_inserter(out), ",\"uncompressed_length\":{}", entry.plain_length);
      }
      out += '}';
      separator = ",";
    }
    out += "]}";
    pack_separator = ",";
  }
  return out + "]}\n";
}

Result<IndexFile> index_from_json(std::string_view text) {
  const auto json = parse_json(text, std::size_t{1} << 32);
  if (!json) {
    return broken(json.error().message());
  }
  const Json* packs = find(*json, "packs");
  if (packs == nullptr || !(packs->is_array() || packs->is_null())) {
    return broken("it has no list of packs");
  }
  IndexFile file;
  if (packs->is_array()) {
    file.packs.reserve(packs->as_array().size());
    for (const Json& item : packs->as_array()) {
      HF_TRY(IndexedPack pack, pack_from(item));
      file.packs.push_back(std::move(pack));
    }
  }
  if (const Json* old = find(*json, "supersedes"); old != nullptr && old->is_array()) {
    for (const Json& item : old->as_array()) {
      const boost::json::string* name = item.if_string();
      HF_TRY(const IndexId id, IndexId::parse(name == nullptr ? "" : std::string_view(*name)));
      file.supersedes.push_back(id);
    }
  }
  return file;
}

void Index::take(Index& other) {
  const std::scoped_lock lock(mutex_, other.mutex_);
  packs_.swap(other.packs_);
  pack_numbers_.swap(other.pack_numbers_);
  std::swap(tables_, other.tables_);
}

std::uint32_t Index::pack_number(const PackId& id) {
  const auto [place, added] = pack_numbers_.emplace(id, static_cast<std::uint32_t>(packs_.size()));
  if (added) {
    packs_.push_back(id);
  }
  return place->second;
}

void Index::add(const IndexedPack& pack) {
  const std::lock_guard lock(mutex_);
  const std::uint32_t number = pack_number(pack.id);
  for (const PackEntry& entry : pack.entries) {
    Table& into = table(entry.kind);
    into.recent[entry.id] = {entry.id, number, entry.offset, entry.length, entry.plain_length};
    into.claimed.erase(entry.id);
  }
}

void Index::settle() {
  const std::lock_guard lock(mutex_);
  for (Table& one : tables_) {
    std::vector<Slot> fresh;
    fresh.reserve(one.recent.size());
    for (const auto& [id, slot] : one.recent) {
      fresh.push_back(slot);
    }
    one.recent.clear();
    const auto by_id = [](const Slot& a, const Slot& b) { return a.id < b.id; };
    std::sort(fresh.begin(), fresh.end(), by_id);
    std::vector<Slot> merged;
    merged.reserve(one.sorted.size() + fresh.size());
    std::merge(fresh.begin(), fresh.end(), one.sorted.begin(), one.sorted.end(),
               std::back_inserter(merged), by_id);
    const auto same = [](const Slot& a, const Slot& b) { return a.id == b.id; };
    merged.erase(std::unique(merged.begin(), merged.end(), same), merged.end());
    one.sorted.swap(merged);
  }
}

std::optional<Index::Slot> Index::find_slot(ChunkKind kind, const ChunkId& id) const {
  const Table& one = table(kind);
  if (const auto recent = one.recent.find(id); recent != one.recent.end()) {
    return recent->second;
  }
  const auto found =
      std::lower_bound(one.sorted.begin(), one.sorted.end(), id,
                       [](const Slot& slot, const ChunkId& wanted) { return slot.id < wanted; });
  return found != one.sorted.end() && found->id == id ? std::optional(*found) : std::nullopt;
}

std::optional<ChunkLocation> Index::find(ChunkKind kind, const ChunkId& id) const {
  const std::shared_lock lock(mutex_);
  const auto slot = find_slot(kind, id);
  if (!slot) {
    return std::nullopt;
  }
  return ChunkLocation{packs_[slot->pack], slot->offset, slot->length, slot->plain_length};
}

bool Index::contains(ChunkKind kind, const ChunkId& id) const {
  const std::shared_lock lock(mutex_);
  return find_slot(kind, id).has_value();
}

bool Index::claim(ChunkKind kind, const ChunkId& id) {
  const std::lock_guard lock(mutex_);
  return !find_slot(kind, id) && table(kind).claimed.insert(id).second;
}

std::uint64_t Index::chunk_count(ChunkKind kind) const {
  const std::shared_lock lock(mutex_);
  return table(kind).sorted.size() + table(kind).recent.size();
}

}  // namespace holdfast::repo

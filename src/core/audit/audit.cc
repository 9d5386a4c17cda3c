// The chain. The hash of a row is SHA-256 over, in this order:
//
//   the text "holdfast audit 1" and a zero byte
//   the 32 bytes of the hash before it; zeros for the first row
//   id and time (nanoseconds since the epoch), each 8 bytes little-endian
//   actor, action, target, request id, detail, payload hash: each its length as 8 bytes
//   little-endian, then its bytes
//
// Lengths make the encoding injective: no two different rows have the same bytes. Ids follow one
// another, because a row takes its id from the newest one in the same transaction and the database
// has one writer.

#include "core/audit/audit.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "core/base/bytes.h"
#include "core/crypto/digest.h"

namespace holdfast::audit {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE audit_entries(
  id INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
  target TEXT NOT NULL, request_id TEXT NOT NULL, detail TEXT NOT NULL,
  payload_hash TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
CREATE INDEX audit_entries_by_target ON audit_entries(target, id);
)sql";

constexpr std::string_view kColumns =
    "id, at, actor, action, target, request_id, detail, payload_hash, hash";
constexpr std::string_view kOpening{"holdfast audit 1\0", 17};
constexpr std::size_t kLongestField = 4096;
constexpr int kLongestPage = 500;

const std::string& no_hash() {
  static const std::string zeros(2 * sizeof(crypto::Digest), '0');
  return zeros;
}

void add_number(Buffer& out, std::uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) {
    out.push_back(static_cast<std::uint8_t>(number >> shift));
  }
}

void add_text(Buffer& out, std::string_view text) {
  add_number(out, text.size());
  out.insert(out.end(), text.begin(), text.end());
}

std::array<const std::string*, 6> fields(const Change& change) {
  return {&change.actor,      &change.action, &change.target,
          &change.request_id, &change.detail, &change.payload_hash};
}

Result<std::string> chain(const std::string& previous, std::int64_t id, const Change& change) {
  Buffer bytes(kOpening.begin(), kOpening.end());
  HF_TRY(const Buffer before, from_hex(previous));
  bytes.insert(bytes.end(), before.begin(), before.end());
  add_number(bytes, static_cast<std::uint64_t>(id));
  add_number(bytes, static_cast<std::uint64_t>(change.at.time_since_epoch().count()));
  for (const std::string* field : fields(change)) {
    add_text(bytes, *field);
  }
  return to_hex(crypto::digest_of(bytes));
}

Entry entry_from(const db::Row& row) {
  Entry entry;
  entry.id = row.integer(0);
  entry.change = {.actor = row.text(2),
                  .action = row.text(3),
                  .target = row.text(4),
                  .request_id = row.text(5),
                  .detail = row.text(6),
                  .payload_hash = row.text(7),
                  .at = row.time(1)};
  entry.hash = row.text(8);
  return entry;
}

Error broken(std::int64_t id, std::string_view what) {
  return Error(Code::kDataLoss, fmt::format("the audit log was tampered with or damaged: {}", what))
      .with("entry", std::to_string(id));
}

}  // namespace

db::Migrations migrations() { return {{"audit", 1, std::string(kSchema)}}; }

std::string payload_hash(std::string_view payload) {
  return to_hex(crypto::digest_of(as_bytes(payload)));
}

Result<Entry> append(db::Connection& sql, const Change& change) {
  if (change.actor.empty() || change.action.empty()) {
    return Error(Code::kInvalidArgument, "an audit entry names an actor and an action");
  }
  for (const std::string* field : fields(change)) {
    if (field->size() > kLongestField) {
      return Error(Code::kInvalidArgument, "a field of an audit entry is longer than 4096 bytes")
          .with("action", change.action.substr(0, 64));
    }
  }
  HF_TRY(const auto newest, sql.one("SELECT id, hash FROM audit_entries ORDER BY id DESC LIMIT 1"));
  Entry entry{.id = newest ? newest->integer(0) + 1 : 1, .change = change, .hash = ""};
  HF_TRY(entry.hash, chain(newest ? newest->text(1) : no_hash(), entry.id, change));
  HF_TRY_VOID(sql.exec(fmt::format("INSERT INTO audit_entries({}) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,"
                                   "?9)",
                                   kColumns),
                       entry.id, change.at, change.actor, change.action, change.target,
                       change.request_id, change.detail, change.payload_hash, entry.hash));
  return entry;
}

Result<std::vector<Entry>> list(db::Connection& sql, const Query& query) {
  const std::int64_t before = query.before.value_or(INT64_MAX);
  const int limit = std::clamp(query.limit, 1, kLongestPage);
  const std::string select = fmt::format("SELECT {} FROM audit_entries WHERE id < ?1", kColumns);
  HF_TRY(const auto rows, query.target.empty()
                              ? sql.all(select + " ORDER BY id DESC LIMIT ?2", before, limit)
                              : sql.all(select + " AND target = ?3 ORDER BY id DESC LIMIT ?2",
                                        before, limit, query.target));
  std::vector<Entry> entries;
  for (const db::Row& row : rows) {
    entries.push_back(entry_from(row));
  }
  return entries;
}

Result<Head> verify(db::Connection& sql) {
  Head head{.entries = 0, .hash = no_hash()};
  HF_TRY(auto rows, sql.prepare(fmt::format("SELECT {} FROM audit_entries ORDER BY id", kColumns)));
  for (;;) {
    HF_TRY(const bool more, rows.step());
    if (!more) {
      return head;
    }
    const Entry entry = entry_from(rows.row());
    if (entry.id != head.entries + 1) {
      return broken(head.entries + 1, "an entry is missing");
    }
    HF_TRY(const auto expected, chain(head.hash, entry.id, entry.change));
    if (entry.hash != expected) {
      return broken(entry.id, "an entry does not fit the ones before it");
    }
    head = {.entries = entry.id, .hash = entry.hash};
  }
}

}  // namespace holdfast::audit

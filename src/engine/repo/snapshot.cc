#include "engine/repo/snapshot.h"

#include <fmt/format.h>

#include <iterator>

#include "core/base/json.h"
#include "engine/repo/go_text.h"

namespace holdfast::repo {
namespace {

void text_field(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) {
    out += key;
    append_json_string(out, value);
  }
}

void list_field(std::string& out, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) {
    return;
  }
  out += key;
  out += '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    out += i == 0 ? "" : ",";
    append_json_string(out, values[i]);
  }
  out += ']';
}

// Name and place of every counter of the summary, in the order of the format.
template <class Summary, class Visit>
void for_each_counter(Summary& s, Visit visit) {
  visit("files_new", s.files_new);
  visit("files_changed", s.files_changed);
  visit("files_unmodified", s.files_unmodified);
  visit("dirs_new", s.dirs_new);
  visit("dirs_changed", s.dirs_changed);
  visit("dirs_unmodified", s.dirs_unmodified);
  visit("data_blobs", s.data_blobs);
  visit("tree_blobs", s.tree_blobs);
  visit("data_added", s.data_added);
  visit("data_added_packed", s.data_added_packed);
  visit("total_files_processed", s.total_files_processed);
  visit("total_bytes_processed", s.total_bytes_processed);
}

std::vector<std::string> strings(const Json& value, std::string_view key) {
  std::vector<std::string> texts;
  const Json* list = find(value, key);
  if (const JsonArray* array = list == nullptr ? nullptr : list->if_array()) {
    for (const Json& item : *array) {
      if (const boost::json::string* text = item.if_string()) {
        texts.emplace_back(*text);
      }
    }
  }
  return texts;
}

UtcTime time_of(const Json& value, std::string_view key) {
  const auto time = parse_rfc3339(get_string(value, key));
  return time ? *time : UtcTime();
}

SnapshotSummary summary_from(const Json& value) {
  SnapshotSummary summary;
  summary.backup_start = time_of(value, "backup_start");
  summary.backup_end = time_of(value, "backup_end");
  for_each_counter(summary, [&](std::string_view name, std::uint64_t& counter) {
    counter = static_cast<std::uint64_t>(get_int(value, name));
  });
  return summary;
}

SnapshotId optional_id(const Json& value, std::string_view key) {
  const auto id = SnapshotId::parse(get_string(value, key));
  return id ? *id : SnapshotId();
}

}  // namespace

std::string to_json(const Snapshot& snapshot) {
  std::string out = "{\"time\":\"" + to_rfc3339(snapshot.time) + "\"";
  text_field(out, ",\"parent\":", snapshot.parent.is_zero() ? "" : snapshot.parent.hex());
  text_field(out, ",\"tree\":", snapshot.tree.hex());
  list_field(out, ",\"paths\":", snapshot.paths);
  text_field(out, ",\"hostname\":", snapshot.hostname);
  text_field(out, ",\"username\":", snapshot.username);
  if (snapshot.uid != 0) {
    out += fmt::format(",\"uid\":{}", snapshot.uid);
  }
  if (snapshot.gid != 0) {
    out += fmt::format(",\"gid\":{}", snapshot.gid);
  }
  list_field(out, ",\"excludes\":", snapshot.excludes);
  list_field(out, ",\"tags\":", snapshot.tags);
  text_field(out, ",\"original\":", snapshot.original.is_zero() ? "" : snapshot.original.hex());
  text_field(out, ",\"program_version\":", snapshot.program_version);
  if (snapshot.summary) {
    out += ",\"summary\":{\"backup_start\":\"" + to_rfc3339(snapshot.summary->backup_start) +
           "\",\"backup_end\":\"" + to_rfc3339(snapshot.summary->backup_end) + "\"";
    for_each_counter(*snapshot.summary, [&](std::string_view name, std::uint64_t counter) {
      fmt::format_to(std::back_inserter(out), ",\"{}\":{}", name, counter);
    });
    out += '}';
  }
  return out + "}";
}

Result<Snapshot> snapshot_from_json(std::string_view text) {
  const auto json = parse_json(text, 256u << 20);
  if (!json || !json->is_object()) {
    return Error(Code::kDataLoss, "a snapshot of the repository is not valid JSON");
  }
  Snapshot snapshot;
  const auto time = parse_rfc3339(get_string(*json, "time"));
  const auto tree = ChunkId::parse(get_string(*json, "tree"));
  if (!time || !tree) {
    return Error(Code::kDataLoss, "a snapshot of the repository has no valid time or tree");
  }
  snapshot.time = *time;
  snapshot.tree = *tree;
  snapshot.parent = optional_id(*json, "parent");
  snapshot.original = optional_id(*json, "original");
  snapshot.paths = strings(*json, "paths");
  snapshot.hostname = get_string(*json, "hostname");
  snapshot.username = get_string(*json, "username");
  snapshot.uid = static_cast<std::uint32_t>(get_int(*json, "uid"));
  snapshot.gid = static_cast<std::uint32_t>(get_int(*json, "gid"));
  snapshot.excludes = strings(*json, "excludes");
  snapshot.tags = strings(*json, "tags");
  snapshot.program_version = get_string(*json, "program_version");
  if (const Json* summary = find(*json, "summary"); summary != nullptr && summary->is_object()) {
    snapshot.summary = summary_from(*summary);
  }
  return snapshot;
}

}  // namespace holdfast::repo

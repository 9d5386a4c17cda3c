// JSON codecs of the data activities' values: one row per field, used for both directions.
#include "domain/activities/data_types.h"

#include <concepts>
#include <type_traits>

namespace holdfast::activities {
namespace {

JsonArray encode(const std::vector<std::string>& texts) {
  return JsonArray(texts.begin(), texts.end());
}

template <class T, class U>
concept Is = std::same_as<std::remove_const_t<T>, U>;

// Calls `visit(name, field)` for each field of a value: the one list per type.
void fields(Is<RepositoryRef> auto& v, auto&& visit) {
  visit("name", v.name);
  visit("location", v.location);
  visit("password_file", v.password_file);
}
void fields(Is<VolumeRef> auto& v, auto&& visit) {
  visit("driver", v.driver);
  visit("path", v.path);
}
void fields(Is<SnapshotTaken> auto& v, auto&& visit) {
  visit("name", v.name);
  visit("read_path", v.read_path);
  visit("device_id", v.device_id);
  visit("consistency", v.consistency);
  visit("time", v.time);
}
void fields(Is<BackupRequest> auto& v, auto&& visit) {
  visit("repository", v.repository);
  visit("read_path", v.read_path);
  visit("live_path", v.live_path);
  visit("device_id", v.device_id);
  visit("parent_snapshot", v.parent_snapshot);
  visit("tags", v.tags);
  visit("host", v.host);
  visit("time", v.time);
}
void fields(Is<BackupDone> auto& v, auto&& visit) {
  visit("snapshot_id", v.snapshot_id);
  visit("files", v.files);
  visit("files_new", v.files_new);
  visit("files_changed", v.files_changed);
  visit("bytes", v.bytes);
  visit("added_bytes", v.added_bytes);
  visit("partial", v.partial);
  visit("problems", v.problems);
  visit("problem_count", v.problem_count);
}
void fields(Is<CopyRequest> auto& v, auto&& visit) {
  visit("from", v.from);
  visit("to", v.to);
  visit("snapshot_id", v.snapshot_id);
}
void fields(Is<RestoreRequest> auto& v, auto&& visit) {
  visit("repository", v.repository);
  visit("snapshot_id", v.snapshot_id);
  visit("snapshot_path", v.snapshot_path);
  visit("source_path", v.source_path);
  visit("paths", v.paths);
  visit("target", v.target);
  visit("in_place", v.in_place);
}
void fields(Is<RestorePlan> auto& v, auto&& visit) {
  visit("creates", v.creates);
  visit("overwrites", v.overwrites);
  visit("deletes", v.deletes);
  visit("bytes", v.bytes);
  visit("create_sample", v.create_sample);
  visit("overwrite_sample", v.overwrite_sample);
}
void fields(Is<RestoreDone> auto& v, auto&& visit) {
  visit("files", v.files);
  visit("bytes", v.bytes);
  visit("problems", v.problems);
}
void fields(Is<Verdict> auto& v, auto&& visit) {
  visit("good", v.good);
  visit("checked", v.checked);
  visit("bytes", v.bytes);
  visit("different", v.different);
  visit("changed_since", v.changed_since);
  visit("sample", v.sample);
  visit("detail", v.detail);
}

struct Encoder {
  JsonObject object;
  void operator()(const char* name, const std::string& field) { object[name] = field; }
  void operator()(const char* name, std::uint64_t field) { object[name] = field; }
  void operator()(const char* name, bool field) { object[name] = field; }
  void operator()(const char* name, UtcTime field) { object[name] = to_rfc3339(field); }
  void operator()(const char* name, const std::vector<std::string>& field) {
    object[name] = encode(field);
  }
  void operator()(const char* name, const RepositoryRef& field) { object[name] = to_json(field); }
};

struct Decoder {
  const Json& value;
  void operator()(const char* name, std::string& field) { field = get_string(value, name); }
  void operator()(const char* name, std::uint64_t& field) {
    field = static_cast<std::uint64_t>(get_int(value, name));
  }
  void operator()(const char* name, bool& field) { field = get_bool(value, name); }
  void operator()(const char* name, UtcTime& field) {
    field = parse_rfc3339(get_string(value, name)).value_or(UtcTime());
  }
  void operator()(const char* name, std::vector<std::string>& field) {
    const Json* found = find(value, name);
    if (found != nullptr && found->is_array()) {
      for (const Json& item : found->get_array()) {
        field.emplace_back(item.is_string() ? item.get_string() : boost::json::string());
      }
    }
  }
  void operator()(const char* name, RepositoryRef& field) {
    const Json* found = find(value, name);
    field = found == nullptr ? RepositoryRef() : from_json<RepositoryRef>(*found);
  }
};

template <class T>
Json encode_value(const T& value) {
  Encoder encoder;
  fields(value, encoder);
  return Json(std::move(encoder.object));
}

template <class T>
T decode_value(const Json& value) {
  T result;
  Decoder decoder{value};
  fields(result, decoder);
  return result;
}

}  // namespace

Json to_json(const RepositoryRef& value) { return encode_value(value); }
Json to_json(const VolumeRef& value) { return encode_value(value); }
Json to_json(const SnapshotTaken& value) { return encode_value(value); }
Json to_json(const BackupRequest& value) { return encode_value(value); }
Json to_json(const BackupDone& value) { return encode_value(value); }
Json to_json(const CopyRequest& value) { return encode_value(value); }
Json to_json(const RestoreRequest& value) { return encode_value(value); }
Json to_json(const RestorePlan& value) { return encode_value(value); }
Json to_json(const RestoreDone& value) { return encode_value(value); }
Json to_json(const Verdict& value) { return encode_value(value); }

template <>
RepositoryRef from_json(const Json& value) {
  return decode_value<RepositoryRef>(value);
}
template <>
VolumeRef from_json(const Json& value) {
  return decode_value<VolumeRef>(value);
}
template <>
SnapshotTaken from_json(const Json& value) {
  return decode_value<SnapshotTaken>(value);
}
template <>
BackupRequest from_json(const Json& value) {
  return decode_value<BackupRequest>(value);
}
template <>
BackupDone from_json(const Json& value) {
  return decode_value<BackupDone>(value);
}
template <>
CopyRequest from_json(const Json& value) {
  return decode_value<CopyRequest>(value);
}
template <>
RestoreRequest from_json(const Json& value) {
  return decode_value<RestoreRequest>(value);
}
template <>
RestorePlan from_json(const Json& value) {
  return decode_value<RestorePlan>(value);
}
template <>
RestoreDone from_json(const Json& value) {
  return decode_value<RestoreDone>(value);
}
template <>
Verdict from_json(const Json& value) {
  return decode_value<Verdict>(value);
}

}  // namespace holdfast::activities

// /storage/volumes/{volume}/files/{path}: browse, read, write, rename, remove.
//
// The path is one percent-encoded segment; ".snapshot/<name>/..." is read only. Bytes come as
// multipart/form-data when byte_offset and length are given, and go the same way or as they are.
#include <fmt/core.h>

#include <charconv>

#include "core/net/url.h"
#include "simulators/ontap/resources/volume_parts.h"
#include "simulators/ontap/store/content.h"
#include "simulators/ontap/store/tree.h"

namespace holdfast::ontap_sim {
namespace {

using enum FieldType;

constexpr std::string_view kBoundary = "--------------------------ontap-sim-7d41b838504d8";
constexpr std::string_view kOptions[] = {"byte_offset", "length",           "return_metadata",
                                         "overwrite",   "stream_name",      "recurse",
                                         "is_junction", "throttle_deletion"};

const Schema kSchema{{"name", kText, kIdentity},
                     {"path", kText, kIdentity | kSet},
                     {"type", kEnum, kIdentity | kSet,
                      "file|directory|blockdev|chardev|symlink|socket|fifo|stream|lun"},
                     {"size", kSize, kIdentity | kModify},
                     {"bytes_used", kSize},
                     {"modified_time", kTime, kIdentity},
                     {"accessed_time", kTime},
                     {"changed_time", kTime},
                     {"creation_time", kTime},
                     {"owner_id", kInteger, kModify},
                     {"group_id", kInteger, kModify},
                     {"unix_permissions", kInteger, kSet},
                     {"inode_number", kInteger},
                     {"is_empty", kFlag},
                     {"is_junction", kFlag},
                     {"is_snapshot", kFlag},
                     {"hard_links_count", kInteger},
                     {"target", kText, kSet},
                     {"is_vm_aligned", kFlag},
                     {"fill_enabled", kFlag, kModify},
                     {"overwrite_enabled", kFlag, kModify},
                     {"volume.name", kText},
                     {"volume.uuid", kText}};

Outcome<std::int64_t> number(const Call& call, std::string_view name, std::int64_t fallback) {
  const std::string text = call.query.option(name);
  std::int64_t value = fallback;
  if (!text.empty() && std::from_chars(text.data(), text.data() + text.size(), value).ptr !=
                           text.data() + text.size()) {
    return bad(262197, fmt::format("The value \"{}\" is invalid for field \"{}\".", text, name),
               std::string(name));
  }
  return value;
}

// What the volume and path of a call mean on this machine.
Outcome<std::string> target_of(Call& call, bool write) {
  const JsonObject* volume = call.cluster.find(kind::kVolume, call.key());
  if (volume == nullptr || is_pending(*volume)) {
    return not_found("volume.uuid");
  }
  if (text_at(*volume, "state") != "online") {
    return bad(917752, "The volume is offline.", "volume");
  }
  std::string_view path = call.key(1);
  while (path.starts_with('/')) {
    path.remove_prefix(1);
  }
  if (write && (text_at(*volume, "type") != "rw" || path.starts_with(kSnapshotFolder))) {
    return bad(131102, "The file system is read only.", "path");
  }
  return path_below(volume_folder(call.cluster, *volume), path);
}

// A writer waits while a fence holds, without the lock.
Done pass_fence(Call& call) {
  while (call.world.fences().holds(call.key())) {
    HF_TRY_VOID(call.lock.release());
    const bool clear = call.world.fences().wait_until_clear(call.key());
    call.lock.again();
    if (!clear) {
      return Fault(503, 8, "The cluster is shutting down.");
    }
  }
  return {};
}

int unix_mode(const JsonObject& body, int fallback) {
  const std::int64_t digits = int_at(body, "unix_permissions", -1);
  return digits < 0
             ? fallback
             : static_cast<int>((digits / 100 % 10) << 6 | (digits / 10 % 10) << 3 | digits % 10);
}

Outcome<Answer> read_bytes(Call& call, const std::string& path) {
  HF_TRY(const std::int64_t offset, number(call, "byte_offset", 0));
  HF_TRY(const std::int64_t length, number(call, "length", 1 << 20));
  HF_TRY_VOID(call.lock.release());
  HF_TRY(const std::string data, read_part(path, offset, length));
  Answer answer;
  answer.content_type = fmt::format("multipart/form-data; boundary={}", kBoundary);
  answer.raw = fmt::format(
      "--{0}\r\nContent-Disposition: form-data; name=\"data\"; filename=\"data\"\r\n"
      "Content-Type: application/octet-stream\r\n\r\n",
      kBoundary);
  answer.raw += data;
  answer.raw += fmt::format("\r\n--{}--\r\n", kBoundary);
  answer.headers["x-bytes-read"] = std::to_string(data.size());
  return answer;
}

Outcome<Answer> get_files(Call& call) {
  HF_TRY(const std::string path, target_of(call, false));
  const bool data =
      call.query.options.contains("byte_offset") || call.query.options.contains("length") ||
      call.http.header("accept").find("multipart/form-data") != std::string_view::npos;
  if (data) {
    return read_bytes(call, path);
  }
  const JsonObject volume = reference(*call.cluster.find(kind::kVolume, call.key()));
  const std::string asked = call.key(1);
  const size_t slash = asked.rfind('/');
  const std::string name = slash == std::string::npos ? asked : asked.substr(slash + 1);
  HF_TRY(JsonObject own,
         describe_file(path, name, slash == std::string::npos ? "" : asked.substr(0, slash)));
  std::vector<JsonObject> records;
  if (text_at(own, "type") == "directory" && !call.query.option_flag("return_metadata")) {
    HF_TRY(records, list_folder(path, asked));
  } else {
    records.push_back(std::move(own));
  }
  ListingOptions options;
  options.base = call.base;
  options.path = fmt::format("/storage/volumes/{}/files/{}", call.key(), net::url_encode(asked));
  options.key = "name";
  options.hal = false;
  options.default_page = call.world.config().default_page;
  HF_TRY(Listing listing,
         list_records(kSchema, std::move(records), call.query, options,
                      [&](JsonObject& record, const Selection&) { record["volume"] = volume; }));
  Answer answer;
  answer.body = std::move(listing.body);
  return answer;
}

// The first part of a multipart body; any other body as it is.
Outcome<std::string> sent_bytes(const net::HttpRequest& http) {
  const std::string_view type = http.header("content-type");
  if (!type.starts_with("multipart/")) {
    return http.body;
  }
  const size_t at = type.find("boundary=");
  if (at == std::string_view::npos) {
    return bad(262199, "A multipart body names its boundary.");
  }
  std::string_view mark = type.substr(at + 9);
  mark = mark.substr(0, mark.find(';'));
  if (mark.size() >= 2 && mark.front() == '"') {
    mark = mark.substr(1, mark.size() - 2);
  }
  const std::string line = "--" + std::string(mark);
  const size_t start = http.body.find("\r\n\r\n", http.body.find(line));
  const size_t end = start == std::string::npos ? start : http.body.find("\r\n" + line, start + 2);
  if (end == std::string::npos) {
    return bad(262199, "The multipart body does not end with its boundary.");
  }
  return end < start + 4 ? std::string() : http.body.substr(start + 4, end - start - 4);
}

Outcome<Answer> post_file(Call& call) {
  HF_TRY_VOID(pass_fence(call));
  HF_TRY(const std::string path, target_of(call, true));
  HF_TRY(const JsonObject body, kSchema.accept(call.body, kCreate));
  HF_TRY(const std::int64_t offset, number(call, "byte_offset", 0));
  const JsonObject volume = *call.cluster.find(kind::kVolume, call.key());
  const std::string type = text_at(body, "type", at(body, "target") ? "symlink" : "file");
  Answer answer;
  answer.status = 201;
  if (type == "directory") {
    HF_TRY_VOID(make_directory(path, unix_mode(body, 0755)));
    return answer;
  }
  if (type == "symlink") {
    HF_TRY_VOID(make_link(path, text_at(body, "target")));
    return answer;
  }
  const bool json = call.http.header("content-type").find("json") != std::string_view::npos;
  HF_TRY(const std::string data,
         json ? Outcome<std::string>(std::string()) : sent_bytes(call.http));
  const bool overwrite = call.query.option_flag("overwrite");
  if (offset == 0 && !overwrite && path_exists(path) &&
      !call.query.options.contains("byte_offset")) {
    return conflict(6488118, "The file exists already: set \"overwrite\" or a \"byte_offset\".",
                    "path");
  }
  if (free_bytes(call.cluster, volume) < static_cast<std::int64_t>(data.size())) {
    return Fault(500, 1245212, "No space left on the volume.", "path");
  }
  HF_TRY_VOID(
      check_quota(call.cluster, volume, call.key(1), static_cast<std::int64_t>(data.size())));
  HF_TRY_VOID(write_part(path, offset, overwrite && offset >= 0, data));
  answer.body = {{"bytes_written", static_cast<std::int64_t>(data.size())}};
  return answer;
}

Outcome<Answer> patch_file(Call& call) {
  HF_TRY_VOID(pass_fence(call));
  HF_TRY(const std::string path, target_of(call, true));
  HF_TRY(const JsonObject body, kSchema.accept(call.body, kModify));
  if (!path_exists(path)) {
    return Fault(404, 6684674, "No such file or directory.", "path");
  }
  if (at(body, "unix_permissions") != nullptr) {
    HF_TRY_VOID(set_mode(path, unix_mode(body, 0644)));
  }
  if (const std::string to = text_at(body, "path"); !to.empty()) {
    const JsonObject* volume = call.cluster.find(kind::kVolume, call.key());
    HF_TRY(const std::string target, path_below(volume_folder(call.cluster, *volume), to));
    if (path_exists(target)) {
      return conflict(6488118, "The new path exists already.", "path");
    }
    HF_TRY_VOID(rename_path(path, target));
  }
  return done();
}

Outcome<Answer> delete_file(Call& call) {
  HF_TRY_VOID(pass_fence(call));
  HF_TRY(const std::string path, target_of(call, true));
  HF_TRY_VOID(remove_path(path, call.query.option_flag("recurse")));
  return done();
}

}  // namespace

void add_file_resources(Table& table) {
  for (const auto& [method, handler] : {std::pair<std::string_view, Handler>("GET", &get_files),
                                        {"POST", &post_file},
                                        {"PATCH", &patch_file},
                                        {"DELETE", &delete_file}}) {
    table.add(Route{.method = method,
                    .pattern = "/storage/volumes/{}/files/{path...}",
                    .handler = handler,
                    .schema = &kSchema,
                    .options = kOptions});
  }
}

}  // namespace holdfast::ontap_sim

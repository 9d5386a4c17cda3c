// The JSON form of trees. Written by hand, since the bytes are part of the format: fields in
// restic's order, zero values left out where restic leaves them out, `content` always there. Read
// tolerantly: unknown fields are skipped, but a node that could not be restored safely fails the
// whole tree.
#include "engine/repo/tree.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

#include "core/base/check.h"
#include "core/base/json.h"
#include "engine/repo/go_text.h"

namespace holdfast::repo {
namespace {

constexpr std::uint32_t kGoDir = 1U << 31;
constexpr std::uint32_t kGoSymlink = 1U << 27;
constexpr std::uint32_t kGoDevice = 1U << 26;
constexpr std::uint32_t kGoFifo = 1U << 25;
constexpr std::uint32_t kGoSocket = 1U << 24;
constexpr std::uint32_t kGoSetuid = 1U << 23;
constexpr std::uint32_t kGoSetgid = 1U << 22;
constexpr std::uint32_t kGoCharDevice = 1U << 21;
constexpr std::uint32_t kGoSticky = 1U << 20;
constexpr std::uint32_t kGoIrregular = 1U << 19;

struct TypeName {
  NodeType type;
  std::string_view name;
  std::uint32_t mode;
};
constexpr std::array<TypeName, 8> kTypes{
    {{NodeType::kFile, "file", 0},
     {NodeType::kDir, "dir", kGoDir},
     {NodeType::kSymlink, "symlink", kGoSymlink},
     {NodeType::kDevice, "dev", kGoDevice},
     {NodeType::kCharDevice, "chardev", kGoDevice | kGoCharDevice},
     {NodeType::kFifo, "fifo", kGoFifo},
     {NodeType::kSocket, "socket", kGoSocket},
     {NodeType::kIrregular, "irregular", kGoIrregular}}};

constexpr std::size_t kMaxTreeBytes = std::size_t{1} << 32;

void text_field(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) {
    out += key;
    append_json_string(out, value);
  }
}

void number_field(std::string& out, std::string_view key, std::uint64_t value) {
  if (value != 0) {
    out += key;
    fmt::format_to(std::back_inserter(out), "{}", value);
  }
}

void encode_attributes(const Node& node, std::string& out) {
  if (node.extended_attributes.empty()) {
    return;
  }
  out += ",\"extended_attributes\":[";
  const char* separator = "";
  for (const ExtendedAttribute& attribute : node.extended_attributes) {
    out += separator;
    out += "{\"name\":";
    append_json_string(out, attribute.name);
    out += ",\"value\":\"" + to_base64(as_bytes(attribute.value)) + "\"}";
    separator = ",";
  }
  out += ']';
}

void encode_content(const Node& node, std::string& out) {
  out += ",\"content\":";
  if (!node.content) {
    out += "null";
    return;
  }
  out += '[';
  const char* separator = "\"";
  for (const ChunkId& id : *node.content) {
    out += separator + id.hex() + "\"";
    separator = ",\"";
  }
  out += ']';
}

Error broken(std::string_view what) {
  return Error(Code::kDataLoss, fmt::format("a tree of the repository is damaged: {}", what));
}

std::uint64_t number(const Json& value, std::string_view key) {
  return static_cast<std::uint64_t>(get_int(value, key));
}

UtcTime time_of(const Json& value, std::string_view key) {
  const auto time = parse_rfc3339(get_string(value, key));
  return time ? *time : UtcTime();
}

Result<std::string> base64_text(const std::string& text) {
  const auto bytes = from_base64(text);
  if (!bytes) {
    return broken("base64 expected");
  }
  return std::string(as_text(*bytes));
}

Status decode_attributes(const Json& value, Node& node) {
  const Json* list = find(value, "extended_attributes");
  const JsonArray* array = list == nullptr ? nullptr : list->if_array();
  if (array == nullptr) {
    return {};
  }
  for (const Json& item : *array) {
    HF_TRY(std::string bytes, base64_text(get_string(item, "value")));
    node.extended_attributes.push_back({get_string(item, "name"), std::move(bytes)});
  }
  return {};
}

Status decode_content(const Json& value, Node& node) {
  const Json* list = find(value, "content");
  const JsonArray* array = list == nullptr ? nullptr : list->if_array();
  if (array == nullptr) {
    return node.type == NodeType::kFile ? Status(broken("a file has no content list")) : Status();
  }
  std::vector<ChunkId> ids;
  ids.reserve(array->size());
  for (const Json& item : *array) {
    const boost::json::string* text = item.if_string();
    if (text == nullptr) {
      return broken("a content list holds something that is no id");
    }
    HF_TRY(const ChunkId id, ChunkId::parse(*text));
    ids.push_back(id);
  }
  if (node.type == NodeType::kFile) {
    node.content = std::move(ids);
  }
  return {};
}

Status decode_type(const Json& value, Node& node) {
  const std::string name = get_string(value, "type");
  for (const TypeName& known : kTypes) {
    if (known.name == name) {
      node.type = known.type;
      return {};
    }
  }
  return broken("a node has the unknown type '" + name + "'");
}

Status decode_name(const Json& value, Node& node) {
  HF_TRY(node.name, go_unquote(get_string(value, "name")));
  const bool path_like = node.name.find('/') != std::string::npos ||
                         node.name.find('\0') != std::string::npos || node.name == "." ||
                         node.name == "..";
  return node.name.empty() || path_like ? Status(broken("a node has no usable name")) : Status();
}

void decode_numbers(const Json& value, Node& node) {
  node.mode = static_cast<std::uint32_t>(number(value, "mode"));
  node.mtime = time_of(value, "mtime");
  node.atime = time_of(value, "atime");
  node.ctime = time_of(value, "ctime");
  node.uid = static_cast<std::uint32_t>(number(value, "uid"));
  node.gid = static_cast<std::uint32_t>(number(value, "gid"));
  node.user = get_string(value, "user");
  node.group = get_string(value, "group");
  node.inode = number(value, "inode");
  node.device_id = number(value, "device_id");
  node.size = number(value, "size");
  node.links = number(value, "links");
  node.device = number(value, "device");
  node.error = get_string(value, "error");
}

Result<Node> decode_node(const Json& value) {
  Node node;
  HF_TRY_VOID(decode_name(value, node));
  HF_TRY_VOID(decode_type(value, node));
  decode_numbers(value, node);
  node.link_target = get_string(value, "linktarget");
  if (const std::string raw = get_string(value, "linktarget_raw"); !raw.empty()) {
    HF_TRY(node.link_target, base64_text(raw));
  }
  HF_TRY_VOID(decode_attributes(value, node));
  HF_TRY_VOID(decode_content(value, node));
  if (const Json* generic = find(value, "generic_attributes");
      generic != nullptr && generic->is_object()) {
    node.generic_attributes = holdfast::to_text(*generic);
  }
  if (node.type == NodeType::kDir) {
    const auto id = ChunkId::parse(get_string(value, "subtree"));
    if (!id) {
      return broken("a directory has no subtree");
    }
    node.subtree = *id;
  }
  return node;
}

}  // namespace

std::string_view to_text(NodeType type) { return kTypes[static_cast<std::size_t>(type)].name; }

std::uint32_t posix_permissions(std::uint32_t go_mode) {
  return (go_mode & 0777) | ((go_mode & kGoSetuid) != 0 ? 04000U : 0U) |
         ((go_mode & kGoSetgid) != 0 ? 02000U : 0U) | ((go_mode & kGoSticky) != 0 ? 01000U : 0U);
}

std::uint32_t go_mode(NodeType type, std::uint32_t permissions) {
  return kTypes[static_cast<std::size_t>(type)].mode | (permissions & 0777) |
         ((permissions & 04000) != 0 ? kGoSetuid : 0U) |
         ((permissions & 02000) != 0 ? kGoSetgid : 0U) |
         ((permissions & 01000) != 0 ? kGoSticky : 0U);
}

void encode_node(const Node& node, std::string& out) {
  out += "{\"name\":";
  append_json_string(out, go_quote(node.name));
  fmt::format_to(std::back_inserter(out), ",\"type\":\"{}\"", to_text(node.type));
  number_field(out, ",\"mode\":", node.mode);
  out += ",\"mtime\":\"" + to_rfc3339(node.mtime) + "\",\"atime\":\"" + to_rfc3339(node.atime) +
         "\",\"ctime\":\"" + to_rfc3339(node.ctime) + "\"";
  fmt::format_to(std::back_inserter(out), ",\"uid\":{},\"gid\":{}", node.uid, node.gid);
  text_field(out, ",\"user\":", node.user);
  text_field(out, ",\"group\":", node.group);
  number_field(out, ",\"inode\":", node.inode);
  number_field(out, ",\"device_id\":", node.device_id);
  number_field(out, ",\"size\":", node.size);
  number_field(out, ",\"links\":", node.links);
  text_field(out, ",\"linktarget\":", node.link_target);
  if (!is_utf8(node.link_target)) {
    out += ",\"linktarget_raw\":\"" + to_base64(as_bytes(node.link_target)) + "\"";
  }
  encode_attributes(node, out);
  if (!node.generic_attributes.empty()) {
    out += ",\"generic_attributes\":" + node.generic_attributes;
  }
  number_field(out, ",\"device\":", node.device);
  encode_content(node, out);
  if (node.type == NodeType::kDir) {
    out += ",\"subtree\":\"" + node.subtree.hex() + "\"";
  }
  text_field(out, ",\"error\":", node.error);
  out += '}';
}

std::string encode_tree(const Tree& tree) {
  std::string out = "{\"nodes\":[";
  out.reserve(64 + 420 * tree.nodes.size());
  const Node* previous = nullptr;
  for (const Node& node : tree.nodes) {
    HF_CHECK(previous == nullptr || previous->name < node.name, "nodes of a tree are sorted");
    out += previous == nullptr ? "" : ",";
    encode_node(node, out);
    previous = &node;
  }
  return out + "]}\n";
}

Result<Tree> decode_tree(std::string_view text) {
  const auto json = parse_json(text, kMaxTreeBytes);
  if (!json) {
    return broken(json.error().message());
  }
  const Json* list = find(*json, "nodes");
  if (list == nullptr || !(list->is_array() || list->is_null())) {
    return broken("it has no list of nodes");
  }
  Tree tree;
  if (list->is_null()) {
    return tree;
  }
  tree.nodes.reserve(list->as_array().size());
  for (const Json& item : list->as_array()) {
    HF_TRY(Node node, decode_node(item));
    if (!tree.nodes.empty() && !(tree.nodes.back().name < node.name)) {
      return broken("its names are not in order");
    }
    tree.nodes.push_back(std::move(node));
  }
  return tree;
}

}  // namespace holdfast::repo

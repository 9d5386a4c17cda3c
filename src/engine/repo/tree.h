// Trees: the list of what lies in one directory, and its JSON form.
//
// A tree's id is the SHA-256 of exactly these bytes, so encode_tree writes what restic writes:
// field order, Go's name quoting and JSON escapes, times in UTC, a final newline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "engine/repo/ids.h"

namespace holdfast::repo {

enum class NodeType { kFile, kDir, kSymlink, kDevice, kCharDevice, kFifo, kSocket, kIrregular };

std::string_view to_text(NodeType type);

struct ExtendedAttribute {
  std::string name;
  std::string value;  // bytes
  auto operator<=>(const ExtendedAttribute&) const = default;
};

struct Node {
  std::string name;  // bytes as the file system has them
  NodeType type = NodeType::kFile;
  std::uint32_t mode = 0;  // Go's os.FileMode; see posix_mode and go_mode
  UtcTime mtime;
  UtcTime atime;
  UtcTime ctime;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string user;
  std::string group;
  std::uint64_t inode = 0;
  std::uint64_t device_id = 0;
  std::uint64_t size = 0;
  std::uint64_t links = 0;
  std::string link_target;  // bytes
  std::vector<ExtendedAttribute> extended_attributes;
  std::string generic_attributes;               // a JSON object as stored, empty: none
  std::uint64_t device = 0;                     // st_rdev
  std::optional<std::vector<ChunkId>> content;  // files only
  ChunkId subtree;                              // directories only
  std::string error;
};

struct Tree {
  std::vector<Node> nodes;  // strictly ascending by name bytes
};

// The lower 12 bits of st_mode, from and to Go's os.FileMode (which also carries the type).
std::uint32_t posix_permissions(std::uint32_t go_mode);
std::uint32_t go_mode(NodeType type, std::uint32_t posix_permissions);

// Aborts when the nodes are not strictly ascending.
std::string encode_tree(const Tree& tree);
void encode_node(const Node& node, std::string& out);
// kDataLoss with the reason when a node breaks a rule: unknown type, empty name, a name with a
// slash or NUL or that is . or .., a file without content, a directory without subtree, wrong
// order.
Result<Tree> decode_tree(std::string_view text);

}  // namespace holdfast::repo

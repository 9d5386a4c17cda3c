// Object storage as a repository needs it: named, write-once objects.
//
// Guarantees an implementation gives: put is atomic (an object is there as a whole or not at all)
// and durable when it returns; what was put is found by stat, get and list at once. Objects are
// immutable: a repository never changes one, it writes another and removes the old.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/async/co.h"
#include "core/base/bytes.h"

namespace holdfast::blob {

using async::Co;

enum class ObjectType { kConfig, kKey, kLock, kSnapshot, kIndex, kPack };

// Which object: all but the one config are named by 64 hexadecimal digits (SHA-256 of the content).
struct ObjectKey {
  ObjectType type = ObjectType::kConfig;
  std::string name;  // empty for the config
  auto operator<=>(const ObjectKey&) const = default;
};

// The folder of a type in restic's layout: keys, locks, snapshots, index, data; config has none.
std::string folder_of(ObjectType type);
// The path in restic's layout: "config", "keys/<name>", "data/ab/abcd...".
std::string path_of(const ObjectKey& key);
// Whether `name` can name an object of this kind of store (64 lower-case hexadecimal digits).
bool is_object_name(const std::string& name);

struct ObjectInfo {
  ObjectKey key;
  std::uint64_t size = 0;
};

struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Methods may be called from any thread and run on the caller's executor. Error codes: kNotFound,
// kAlreadyExists (config only), kResourceExhausted (no space), kPermissionDenied, kUnavailable.
class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // Makes the store ready to take objects (folders, bucket prefix); present is fine.
  virtual Co<Status> create() = 0;
  // Stores an object. `data` stays valid until the call ends. An object of the same name is
  // replaced by the same content; a present config is kAlreadyExists.
  virtual Co<Status> put(ObjectKey key, ByteSpan data) = 0;
  // The object, or exactly `range` of it: kDataLoss when the object ends before.
  virtual Co<Result<Buffer>> get(ObjectKey key, std::optional<ByteRange> range = std::nullopt) = 0;
  virtual Co<Result<ObjectInfo>> stat(ObjectKey key) = 0;
  // All objects of a type, by name; foreign names (temporary files, say) are left out.
  virtual Co<Result<std::vector<ObjectInfo>>> list(ObjectType type) = 0;
  // An absent object is not an error: removal can be repeated.
  virtual Co<Status> remove(ObjectKey key) = 0;

  // For messages: a path or URL without secrets.
  virtual std::string location() const = 0;
};

}  // namespace holdfast::blob

#include "engine/blob/blob_store.h"

#include "core/base/check.h"

namespace holdfast::blob {

std::string folder_of(ObjectType type) {
  switch (type) {
    case ObjectType::kConfig:
      return "";
    case ObjectType::kKey:
      return "keys";
    case ObjectType::kLock:
      return "locks";
    case ObjectType::kSnapshot:
      return "snapshots";
    case ObjectType::kIndex:
      return "index";
    case ObjectType::kPack:
      return "data";
  }
  return "";
}

std::string path_of(const ObjectKey& key) {
  if (key.type == ObjectType::kConfig) {
    return "config";
  }
  HF_CHECK(is_object_name(key.name), "objects are named by 64 hexadecimal digits");
  if (key.type == ObjectType::kPack) {
    return "data/" + key.name.substr(0, 2) + "/" + key.name;
  }
  return folder_of(key.type) + "/" + key.name;
}

bool is_object_name(const std::string& name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace holdfast::blob

// A store that hands everything on to another one; tests override what they want to be different.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/blob/blob_store.h"

namespace holdfast::repo {

class WrappedStore : public blob::BlobStore {
 public:
  explicit WrappedStore(std::shared_ptr<blob::BlobStore> inner) : inner_(std::move(inner)) {}
  blob::Co<Status> create() override { return inner_->create(); }
  blob::Co<Status> put(blob::ObjectKey key, ByteSpan data) override {
    return inner_->put(std::move(key), data);
  }
  blob::Co<Result<Buffer>> get(blob::ObjectKey key, std::optional<blob::ByteRange> range) override {
    return inner_->get(std::move(key), range);
  }
  blob::Co<Result<blob::ObjectInfo>> stat(blob::ObjectKey key) override {
    return inner_->stat(std::move(key));
  }
  blob::Co<Result<std::vector<blob::ObjectInfo>>> list(blob::ObjectType type) override {
    return inner_->list(type);
  }
  blob::Co<Status> remove(blob::ObjectKey key) override { return inner_->remove(std::move(key)); }
  std::string location() const override { return inner_->location(); }

 protected:
  blob::BlobStore& inner() { return *inner_; }

 private:
  std::shared_ptr<blob::BlobStore> inner_;
};

}  // namespace holdfast::repo

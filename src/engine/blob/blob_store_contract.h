// What every blob store has to do. A test derives a maker and instantiates the suite:
//
//   struct MyStore { std::shared_ptr<BlobStore> store; ... };
//   INSTANTIATE_TYPED_TEST_SUITE_P(My, BlobStoreContract, MyStore);
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "core/async/run.h"
#include "core/crypto/digest.h"
#include "engine/blob/blob_store.h"

namespace holdfast::blob {

template <class Maker>
class BlobStoreContract : public testing::Test {
 protected:
  BlobStoreContract() { EXPECT_TRUE(run(maker_.store->create())); }

  template <class T>
  T run(Co<T> co) {
    return async::block_on(io_.executor(), std::move(co));
  }
  ObjectKey put(ObjectType type, std::string_view text) {
    const ObjectKey key{type, crypto::sha256_hex(as_bytes(text))};
    EXPECT_TRUE(run(maker_.store->put(key, as_bytes(text))));
    return key;
  }
  BlobStore& store() { return *maker_.store; }

  async::Pool io_{"io", 1};
  Maker maker_;
};

TYPED_TEST_SUITE_P(BlobStoreContract);

TYPED_TEST_P(BlobStoreContract, GivesBackWhatWasPut) {
  for (const ObjectType type : {ObjectType::kKey, ObjectType::kLock, ObjectType::kSnapshot,
                                ObjectType::kIndex, ObjectType::kPack}) {
    const ObjectKey key = this->put(type, "content");
    EXPECT_EQ(as_text(this->run(this->store().get(key)).value()), "content");
    EXPECT_EQ(this->run(this->store().stat(key))->size, 7u);
    EXPECT_EQ(this->run(this->store().list(type))->size(), 1u);
  }
}

TYPED_TEST_P(BlobStoreContract, ReadsRangesAndRefusesThoseBeyondTheEnd) {
  const ObjectKey key = this->put(ObjectType::kPack, "0123456789");
  EXPECT_EQ(as_text(this->run(this->store().get(key, ByteRange{3, 4})).value()), "3456");
  EXPECT_EQ(this->run(this->store().get(key, ByteRange{10, 0}))->size(), 0u);
  EXPECT_EQ(this->run(this->store().get(key, ByteRange{8, 4})).error().code(), Code::kDataLoss);
  EXPECT_EQ(this->run(this->store().get(key, ByteRange{11, 1})).error().code(), Code::kDataLoss);
}

TYPED_TEST_P(BlobStoreContract, StoresEmptyAndLargeObjects) {
  const ObjectKey empty = this->put(ObjectType::kIndex, "");
  EXPECT_EQ(this->run(this->store().get(empty))->size(), 0u);
  const std::string large(3u << 20, 'x');
  const ObjectKey key = this->put(ObjectType::kPack, large);
  EXPECT_EQ(as_text(this->run(this->store().get(key)).value()), large);
}

TYPED_TEST_P(BlobStoreContract, PuttingTheSameObjectAgainIsFine) {
  const ObjectKey key = this->put(ObjectType::kSnapshot, "same");
  EXPECT_EQ(this->put(ObjectType::kSnapshot, "same"), key);
  EXPECT_EQ(this->run(this->store().list(ObjectType::kSnapshot))->size(), 1u);
}

TYPED_TEST_P(BlobStoreContract, NeverReplacesTheConfig) {
  const ObjectKey config{ObjectType::kConfig, ""};
  EXPECT_EQ(this->run(this->store().get(config)).error().code(), Code::kNotFound);
  ASSERT_TRUE(this->run(this->store().put(config, as_bytes("first"))));
  EXPECT_EQ(this->run(this->store().put(config, as_bytes("second"))).error().code(),
            Code::kAlreadyExists);
  EXPECT_EQ(as_text(this->run(this->store().get(config)).value()), "first");
}

TYPED_TEST_P(BlobStoreContract, NamesWhatIsMissing) {
  const ObjectKey key{ObjectType::kPack, std::string(64, 'a')};
  EXPECT_EQ(this->run(this->store().get(key)).error().code(), Code::kNotFound);
  EXPECT_EQ(this->run(this->store().get(key, ByteRange{0, 1})).error().code(), Code::kNotFound);
  EXPECT_EQ(this->run(this->store().stat(key)).error().code(), Code::kNotFound);
}

TYPED_TEST_P(BlobStoreContract, RemovesOnceAndAgain) {
  const ObjectKey key = this->put(ObjectType::kLock, "lock");
  EXPECT_TRUE(this->run(this->store().remove(key)));
  EXPECT_TRUE(this->run(this->store().remove(key)));
  EXPECT_EQ(this->run(this->store().list(ObjectType::kLock))->size(), 0u);
}

TYPED_TEST_P(BlobStoreContract, ListsEverythingSorted) {
  for (int i = 0; i < 300; ++i) {
    this->put(ObjectType::kPack, std::to_string(i));
  }
  const auto found = this->run(this->store().list(ObjectType::kPack)).value();
  ASSERT_EQ(found.size(), 300u);
  for (std::size_t i = 1; i < found.size(); ++i) {
    EXPECT_LT(found[i - 1].key.name, found[i].key.name);
  }
}

TYPED_TEST_P(BlobStoreContract, CreatingAgainKeepsEverything) {
  const ObjectKey key = this->put(ObjectType::kPack, "kept");
  ASSERT_TRUE(this->run(this->store().create()));
  EXPECT_TRUE(this->run(this->store().stat(key)));
}

REGISTER_TYPED_TEST_SUITE_P(BlobStoreContract, GivesBackWhatWasPut,
                            ReadsRangesAndRefusesThoseBeyondTheEnd, StoresEmptyAndLargeObjects,
                            PuttingTheSameObjectAgainIsFine, NeverReplacesTheConfig,
                            NamesWhatIsMissing, RemovesOnceAndAgain, ListsEverythingSorted,
                            CreatingAgainKeepsEverything);

}  // namespace holdfast::blob

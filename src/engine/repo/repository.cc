// Opening a repository and reading single things from it.
//
// Every sealed file but the config is checked against its name (SHA-256 of the file) before it is
// opened; every chunk is checked against its id after it is opened. Thus a repository whose files
// were exchanged, cut or flipped answers kDataLoss, never wrong data.
#include "engine/repo/repository.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>

#include "core/async/run.h"
#include "core/base/json.h"
#include "engine/repo/chunker.h"
#include "engine/repo/compress.h"
#include "engine/repo/key_file.h"

namespace holdfast::repo {
namespace {

constexpr std::uint8_t kCompressedMark = 2;
constexpr std::size_t kMaxUnpacked = std::size_t{1} << 32;
constexpr std::size_t kMaxKeysTried = 20;
constexpr int kIoThreads = 2;

blob::ObjectKey config_key() { return {blob::ObjectType::kConfig, ""}; }

std::string config_json(const Config& config) {
  return fmt::format(R"({{"version":{},"id":"{}","chunker_polynomial":"{:x}"}})", config.version,
                     config.id, config.polynomial);
}

Result<Config> config_from_json(std::string_view text) {
  HF_TRY(const Json json, parse_json(text));
  Config config;
  config.version = static_cast<int>(get_int(json, "version"));
  config.id = get_string(json, "id");
  if (config.version < 1 || config.version > 2) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("the repository has version {}, this program knows 1 and 2; use a "
                             "newer holdfast",
                             config.version));
  }
  if (get_string(json, "chunker", "rabin") != "rabin") {
    return Error(Code::kFailedPrecondition,
                 "the repository uses a chunker that this program does not know");
  }
  const std::string polynomial = get_string(json, "chunker_polynomial");
  const auto [end, failure] = std::from_chars(
      polynomial.data(), polynomial.data() + polynomial.size(), config.polynomial, 16);
  if (failure != std::errc() || end != polynomial.data() + polynomial.size() ||
      config.polynomial >> 53 != 1 || !is_irreducible(config.polynomial)) {
    return Error(Code::kDataLoss, "the repository's chunker polynomial is not valid");
  }
  return config;
}

}  // namespace

Repository::Repository(std::shared_ptr<blob::BlobStore> store, Environment environment)
    : store_(std::move(store)),
      environment_(std::move(environment)),
      io_("repo-io", kIoThreads),
      lock_pool_("repo-lock", 1) {}

Repository::~Repository() = default;

Result<std::unique_ptr<Repository>> Repository::init(std::shared_ptr<blob::BlobStore> store,
                                                     const SecretString& password,
                                                     Environment environment, InitOptions options) {
  std::unique_ptr<Repository> made(new Repository(std::move(store), std::move(environment)));
  env::Random& random = *made->environment_.random;
  const auto present = async::block_on(made->io_.executor(), made->store_->stat(config_key()));
  if (present || present.error().code() != Code::kNotFound) {
    return present ? Error(Code::kAlreadyExists, "there is a repository already")
                         .with("location", made->location())
                   : present.error();
  }
  if (password.empty()) {
    return Error(Code::kInvalidArgument, "a repository needs a password that is not empty");
  }
  made->config_.id = to_hex(crypto::random_bytes(random, 32));
  made->config_.polynomial = options.polynomial.value_or(0);
  if (!options.polynomial) {
    made->config_.polynomial = random_polynomial(random);
  } else if (*options.polynomial >> 53 != 1 || !is_irreducible(*options.polynomial)) {
    return Error(Code::kInvalidArgument, "the chunker polynomial is not irreducible of degree 53");
  }
  made->key_ = crypto::BoxKey::random(random);
  HF_TRY_VOID(async::block_on(made->io_.executor(), made->store_->create()));
  HF_TRY(made->key_id_, made->write_key(password, options.cost));
  Buffer box;  // the config comes last: with it the directory is a repository
  crypto::seal(made->key_, random, as_bytes(config_json(made->config_)), box);
  HF_TRY_VOID(made->put(config_key(), box));
  return made;
}

Result<std::unique_ptr<Repository>> Repository::open(std::shared_ptr<blob::BlobStore> store,
                                                     const SecretString& password,
                                                     Environment environment) {
  std::unique_ptr<Repository> opened(new Repository(std::move(store), std::move(environment)));
  HF_TRY_VOID(opened->open_with(password));
  return opened;
}

Status Repository::open_with(const SecretString& password) {
  const auto config = get(config_key());
  if (!config) {
    return config.error().code() == Code::kNotFound
               ? Error(Code::kNotFound, "there is no repository").with("location", location())
               : config.error();
  }
  HF_TRY(const auto files, list(blob::ObjectType::kKey));
  if (files.empty()) {
    return Error(Code::kDataLoss, "the repository has no key files").with("location", location());
  }
  Error failure(Code::kWrongPassword, "the password does not open this repository");
  for (std::size_t i = 0; i < std::min(files.size(), kMaxKeysTried); ++i) {
    HF_TRY(const Buffer bytes, get(files[i].key));
    auto key = master_key(bytes, password);
    if (key) {
      key_ = *key;
      key_id_ = files[i].key.name;
      return load_config();
    }
    if (key.error().code() != Code::kWrongPassword) {
      failure = key.error();
    }
  }
  return std::move(failure).with("location", location());
}

Result<crypto::BoxKey> Repository::master_key(ByteSpan key_file, const SecretString& password) {
  OpenedKeys* const remembered = environment_.opened_keys.get();
  if (remembered != nullptr) {
    if (const auto known = remembered->find(key_file, password)) {
      return *known;
    }
  }
  HF_TRY(const KeyFile file, key_file_from_json(as_text(key_file)));
  HF_TRY(const crypto::BoxKey key, open_key(file, password));
  if (remembered != nullptr) {
    remembered->remember(key_file, password, key);
  }
  return key;
}

Status Repository::load_config() {
  HF_TRY(const Buffer box, get(config_key()));
  HF_TRY(const Buffer plain, crypto::open(key_, box));
  HF_TRY(config_, config_from_json(as_text(plain)));
  return {};
}

Result<std::vector<blob::ObjectInfo>> Repository::list(blob::ObjectType type) {
  return async::block_on(io_.executor(), store_->list(type));
}

Result<Buffer> Repository::get(const blob::ObjectKey& key, std::optional<blob::ByteRange> range) {
  return async::block_on(io_.executor(), store_->get(key, range));
}

Status Repository::put(const blob::ObjectKey& key, ByteSpan data) {
  return async::block_on(io_.executor(), store_->put(key, data));
}

Status Repository::remove(const blob::ObjectKey& key) {
  return async::block_on(io_.executor(), store_->remove(key));
}

Result<std::string> Repository::load_unpacked(const blob::ObjectKey& key) {
  HF_TRY(const Buffer box, get(key));
  const auto opened = [&]() -> Result<std::string> {
    if (crypto::sha256_hex(box) != key.name) {
      return Error(Code::kDataLoss, "a file of the repository does not match its name");
    }
    HF_TRY(const Buffer plain, crypto::open(key_, box));
    if (!plain.empty() && plain[0] == kCompressedMark) {
      HF_TRY(const Buffer text, decompress_unknown(ByteSpan(plain).subspan(1), kMaxUnpacked));
      return std::string(as_text(text));
    }
    if (!plain.empty() && (plain[0] == '{' || plain[0] == '[')) {
      return std::string(as_text(plain));
    }
    return Error(Code::kDataLoss, "a file of the repository has an unknown encoding");
  }();
  if (!opened) {
    return Error(opened.error()).with("file", blob::path_of(key));
  }
  return opened;
}

SealedFile Repository::seal_unpacked(std::string_view text) const {
  Buffer plain;
  if (config_.version >= 2) {
    plain.push_back(kCompressedMark);
    compress(as_bytes(text), 3, plain);
  } else {
    plain.assign(text.begin(), text.end());
  }
  SealedFile file;
  crypto::seal(key_, *environment_.random, plain, file.box);
  file.id = crypto::digest_of(file.box);
  return file;
}

Result<crypto::Digest> Repository::save_unpacked(blob::ObjectType type, std::string_view text) {
  const SealedFile file = seal_unpacked(text);
  HF_TRY_VOID(put({type, to_hex(file.id)}, file.box));
  return file.id;
}

// --- chunks

Result<LoadedIndex> Repository::load_index_file(const blob::ObjectInfo& file) {
  HF_TRY(const std::string text, load_unpacked(file.key));
  auto decoded = index_from_json(text);
  if (!decoded) {
    return Error(decoded.error()).with("file", blob::path_of(file.key));
  }
  HF_TRY(const IndexId id, IndexId::parse(file.key.name));
  return LoadedIndex{id, std::move(decoded->packs)};
}

Status Repository::load_index() {
  HF_TRY(const auto files, list(blob::ObjectType::kIndex));
  Index fresh;
  for (const blob::ObjectInfo& file : files) {
    HF_TRY(const LoadedIndex loaded, load_index_file(file));
    for (const IndexedPack& pack : loaded.packs) {
      fresh.add(pack);
    }
  }
  fresh.settle();
  index_.take(fresh);
  return {};
}

Result<std::vector<LoadedIndex>> Repository::read_index_files() {
  HF_TRY(const auto files, list(blob::ObjectType::kIndex));
  std::vector<LoadedIndex> all;
  for (const blob::ObjectInfo& file : files) {
    HF_TRY(LoadedIndex loaded, load_index_file(file));
    all.push_back(std::move(loaded));
  }
  return all;
}

bool Repository::has_chunk(ChunkKind kind, const ChunkId& id) const {
  return index_.contains(kind, id);
}

std::optional<ChunkLocation> Repository::find_chunk(ChunkKind kind, const ChunkId& id) const {
  return index_.find(kind, id);
}

Result<Buffer> Repository::open_chunk(ByteSpan box, const ChunkId& id,
                                      std::uint32_t plain_length) const {
  HF_TRY(Buffer plain, crypto::open(key_, box));
  if (plain_length != 0) {
    HF_TRY(plain, decompress(plain, plain_length));
  }
  if (crypto::digest_of(plain) != id.digest) {
    return Error(Code::kDataLoss, "a chunk does not match its id").with("chunk", id.hex());
  }
  return plain;
}

Result<Buffer> Repository::load_chunk(ChunkKind kind, const ChunkId& id) {
  const auto location = index_.find(kind, id);
  if (!location) {
    return Error(Code::kDataLoss, "a chunk is in no pack of the repository")
        .with("chunk", id.hex());
  }
  const blob::ObjectKey key{blob::ObjectType::kPack, location->pack.hex()};
  auto box = get(key, blob::ByteRange{location->offset, location->length});
  if (!box) {
    const bool lost = box.error().code() == Code::kNotFound;
    return lost ? Error(Code::kDataLoss, "a pack file of the repository is missing")
                      .with("pack", key.name)
                : Error(box.error()).with("pack", key.name);
  }
  auto plain = open_chunk(*box, id, location->plain_length);
  if (!plain) {
    return Error(plain.error()).with("pack", key.name);
  }
  return plain;
}

Result<Tree> Repository::load_tree(const ChunkId& id) {
  HF_TRY(const Buffer text, load_chunk(ChunkKind::kTree, id));
  auto tree = decode_tree(as_text(text));
  if (!tree) {
    return Error(tree.error()).with("tree", id.hex());
  }
  return tree;
}

}  // namespace holdfast::repo

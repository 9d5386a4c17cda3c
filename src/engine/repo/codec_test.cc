#include <gtest/gtest.h>

#include "core/env/sim/seeded_random.h"
#include "engine/repo/compress.h"
#include "engine/repo/go_text.h"
#include "engine/repo/index.h"
#include "engine/repo/pack.h"
#include "engine/repo/snapshot.h"
#include "engine/repo/testing/test_repository.h"
#include "engine/repo/tree.h"

namespace holdfast::repo {
namespace {

TEST(GoText, QuotesNamesAsGoDoes) {
  EXPECT_EQ(go_quote("plain-näme 😀"), "plain-näme 😀");
  EXPECT_EQ(go_quote("a\a\b\f\n\r\t\v\\\"'"), R"(a\a\b\f\n\r\t\v\\\"')");
  EXPECT_EQ(go_quote(std::string("\0\x01\x7f", 3)), R"(\x00\x01\x7f)");
  EXPECT_EQ(go_quote("\xff\xc3\x28"), R"(\xff\xc3()");
  EXPECT_EQ(go_quote("\xed\xa0\x80"), R"(\xed\xa0\x80)");  // an encoded surrogate
  EXPECT_EQ(go_quote("\u00a0\u2028\u200b\U000e0001"), R"(\u00a0\u2028\u200b\U000e0001)");
}

TEST(GoText, UnquotesEveryFormOfEscape) {
  EXPECT_EQ(go_unquote(R"(\x41\102\u00e4\U0001f600\'\")").value(), "AB\u00e4😀'\"");
  for (const char* bad : {"\\", "\\q", "\\x4", "\\400", "\\U00110000", "a\"b"}) {
    EXPECT_EQ(go_unquote(bad).error().code(), Code::kDataLoss) << bad;
  }
}

TEST(GoText, QuotingAnyBytesIsReversible) {
  env::SeededRandom random(test_seed());
  for (int i = 0; i < 2000; ++i) {
    std::string bytes(random.below(12), '\0');
    random.fill({reinterpret_cast<std::uint8_t*>(bytes.data()), bytes.size()});
    EXPECT_EQ(go_unquote(go_quote(bytes)).value(), bytes) << "seed " << test_seed();
  }
}

TEST(GoText, EscapesJsonAsGoDoes) {
  EXPECT_EQ(json_string("a<b>&\"\\/\n\x01\xff"), R"("a\u003cb\u003e\u0026\"\\/\n\u0001\ufffd")");
}

// The line that restic 0.14 wrote for such a file, with its ids replaced.
TEST(Tree, EncodesANodeByteForByte) {
  Node node;
  node.name = "a<b>\\";
  node.mode = go_mode(NodeType::kFile, 04755);
  node.mtime = node.atime = *parse_rfc3339("2026-11-24T12:53:36.25Z");
  node.ctime = *parse_rfc3339("2026-11-24T12:53:37Z");
  node.user = "root";
  node.inode = 42;
  node.device_id = 2049;
  node.size = 5;
  node.links = 1;
  node.extended_attributes = {{"user.a", "b"}, {"user.e", ""}};
  node.content = {ChunkId{crypto::digest_of(as_bytes("hello"))}};
  std::string out;
  encode_node(node, out);
  EXPECT_EQ(
      out,
      R"({"name":"a\u003cb\u003e\\\\","type":"file","mode":8389101,"mtime":"2026-11-24T12:53:36.25Z",)"
      R"("atime":"2026-11-24T12:53:36.25Z","ctime":"2026-11-24T12:53:37Z","uid":0,"gid":0,)"
      R"("user":"root","inode":42,"device_id":2049,"size":5,"links":1,)"
      R"("extended_attributes":[{"name":"user.a","value":"Yg=="},{"name":"user.e","value":""}],)"
      R"("content":["2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"]})");
}

TEST(Tree, KnowsGosFileModes) {
  EXPECT_EQ(go_mode(NodeType::kDir, 0755), 2147484141u);
  EXPECT_EQ(go_mode(NodeType::kSymlink, 0777), 134218239u);
  EXPECT_EQ(go_mode(NodeType::kFifo, 0644), 33554852u);
  EXPECT_EQ(go_mode(NodeType::kFile, 04755), 8389101u);
  for (std::uint32_t mode = 0; mode < 010000; ++mode) {
    EXPECT_EQ(posix_permissions(go_mode(NodeType::kDir, mode)), mode);
  }
}

TEST(Tree, ComesBackAsItWentIn) {
  Tree tree;
  Node link;
  link.name = "a\xff";
  link.type = NodeType::kSymlink;
  link.mode = go_mode(link.type, 0777);
  link.link_target = "to\xfe";
  Node folder;
  folder.name = "b";
  folder.type = NodeType::kDir;
  folder.subtree = ChunkId{crypto::digest_of({})};
  Node empty;
  empty.name = "c";
  empty.content.emplace();
  tree.nodes = {link, folder, empty};
  const std::string text = encode_tree(tree);
  const auto decoded = decode_tree(text);
  ASSERT_TRUE(decoded) << decoded.error().to_string();
  EXPECT_EQ(encode_tree(*decoded), text);
  EXPECT_EQ(decoded->nodes[0].link_target, "to\xfe");
  EXPECT_EQ(encode_tree({}), "{\"nodes\":[]}\n");
}

// Go's zero time is in the year 1; restic stores it where a time is unknown.
TEST(Tree, KeepsTimesThatNanosecondsCannotHoldNearTheirEnds) {
  const auto tree = decode_tree(
      R"({"nodes":[{"name":"x","type":"fifo","mtime":"0001-01-01T00:00:00Z","ctime":"9999-01-01T00:00:00Z"}]})");
  ASSERT_TRUE(tree);
  std::string text;
  encode_node(tree->nodes[0], text);
  EXPECT_NE(text.find("1678-01-01T00:00:00Z"), std::string::npos) << text;
  EXPECT_NE(text.find("2261-12-31T23:59:59.999999999Z"), std::string::npos) << text;
}

TEST(Tree, RefusesWhatCannotBeRestoredSafely) {
  const auto with = [](const std::string& node) {
    return decode_tree("{\"nodes\":[" + node + "]}");
  };
  EXPECT_TRUE(with(R"({"name":"x","type":"fifo"})"));
  for (const char* bad :
       {R"({"name":"","type":"fifo"})", R"({"name":"..","type":"fifo"})",
        R"({"name":"a/b","type":"fifo"})", R"({"name":"x","type":"door"})",
        R"({"name":"x","type":"file"})", R"({"name":"x","type":"dir"})",
        R"({"name":"x","type":"file","content":["zz"]})", R"({"name":"\\q","type":"fifo"})",
        R"({"name":"b","type":"fifo"},{"name":"a","type":"fifo"})",
        R"({"name":"b","type":"fifo"},{"name":"b","type":"fifo"})", "7"}) {
    EXPECT_FALSE(with(bad)) << bad;
  }
  EXPECT_FALSE(decode_tree("[]"));
}

TEST(Snapshot, WritesResticsFieldsInOrderAndReadsThemBack) {
  Snapshot snapshot;
  snapshot.time = *parse_rfc3339("2026-11-24T12:00:00.5Z");
  snapshot.tree = ChunkId{crypto::digest_of({})};
  snapshot.paths = {"/a"};
  snapshot.hostname = "h";
  snapshot.tags = {"t"};
  const std::string text = to_json(snapshot);
  EXPECT_EQ(text,
            R"({"time":"2026-11-24T12:00:00.5Z","tree":"e3b0c44298fc1c149afbf4c8996fb92427ae41e464)"
            R"(9b934ca495991b7852b855","paths":["/a"],"hostname":"h","tags":["t"]})");
  snapshot.summary.emplace().data_added = 7;
  const auto read = snapshot_from_json(to_json(snapshot));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(snapshot));
  EXPECT_FALSE(snapshot_from_json("{}"));
}

std::vector<PackEntry> three_entries() {
  std::vector<PackEntry> entries(3);
  std::uint32_t offset = 0;
  for (std::uint32_t i = 0; i < 3; ++i) {
    entries[i].id.digest.fill(static_cast<std::uint8_t>(i + 1));
    entries[i].kind = i == 1 ? ChunkKind::kTree : ChunkKind::kData;
    entries[i].length = 100 + i;
    entries[i].plain_length = i == 2 ? 500 : 0;
    entries[i].offset = offset;
    offset += entries[i].length;
  }
  return entries;
}

TEST(PackHeader, ComesBackWithOffsets) {
  const auto entries = three_entries();
  const Buffer header = encode_pack_header(entries);
  EXPECT_EQ(header.size(), 37u + 37 + 41);
  EXPECT_EQ(decode_pack_header(header).value(), entries);
  EXPECT_EQ(pack_file_size(entries), 303u + 115 + 36);
}

TEST(PackHeader, RefusesUnknownKindsAndCutEntries) {
  Buffer header = encode_pack_header(three_entries());
  EXPECT_FALSE(decode_pack_header(ByteSpan(header).first(header.size() - 1)));
  header[0] = 4;
  EXPECT_FALSE(decode_pack_header(header));
  EXPECT_FALSE(header_box_length(Buffer{1, 0, 0}, 3));
  EXPECT_FALSE(header_box_length(Buffer{31, 0, 0, 0}, 100));
  EXPECT_FALSE(header_box_length(Buffer{100, 0, 0, 0}, 103));
  EXPECT_TRUE(header_box_length(Buffer{100, 0, 0, 0}, 104));
}

TEST(IndexJson, ComesBackAndSkipsWhatItDoesNotKnow) {
  const std::vector<IndexedPack> packs{{PackId{crypto::digest_of({})}, three_entries()}};
  const auto read = index_from_json(to_json(packs));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->packs[0].entries, packs[0].entries);
  EXPECT_EQ(to_json(read->packs), to_json(packs));
  EXPECT_TRUE(index_from_json(R"({"supersedes":null,"packs":null,"packs_to_delete":[]})"));
  EXPECT_FALSE(index_from_json(R"({"packs":[{"id":"x","blobs":[]}]})"));
  EXPECT_FALSE(index_from_json("{}"));
}

TEST(Index, FindsWhatWasAddedBeforeAndAfterSettling) {
  Index index;
  const IndexedPack pack{PackId{crypto::digest_of(as_bytes("p"))}, three_entries()};
  const ChunkId tree = pack.entries[1].id;
  EXPECT_TRUE(index.claim(ChunkKind::kTree, tree));
  EXPECT_FALSE(index.claim(ChunkKind::kTree, tree));
  EXPECT_FALSE(index.contains(ChunkKind::kTree, tree));
  index.add(pack);
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(index.find(ChunkKind::kData, pack.entries[2].id)->offset, 201u);
    EXPECT_EQ(index.find(ChunkKind::kData, pack.entries[2].id)->size(), 500u);
    EXPECT_TRUE(index.contains(ChunkKind::kTree, tree));
    EXPECT_FALSE(index.contains(ChunkKind::kData, tree));
    EXPECT_EQ(index.chunk_count(ChunkKind::kData), 2u);
    index.settle();
  }
  EXPECT_FALSE(index.claim(ChunkKind::kTree, tree));
}

TEST(Compress, RoundTripsAndRefusesDamage) {
  const std::string text(100'000, 'x');
  Buffer frame;
  compress(as_bytes(text), 3, frame);
  EXPECT_LT(frame.size(), 200u);
  EXPECT_EQ(as_text(decompress(frame, text.size()).value()), text);
  EXPECT_EQ(as_text(decompress_unknown(frame, 1 << 20).value()), text);
  EXPECT_FALSE(decompress(frame, text.size() - 1));
  EXPECT_FALSE(decompress(frame, text.size() + 1));
  EXPECT_FALSE(decompress_unknown(frame, text.size() - 1));
  EXPECT_FALSE(decompress_unknown(ByteSpan(frame).first(frame.size() - 3), 1 << 20));
}

// Damaged input of every parser is refused or read, and what was read can be written again.
TEST(Parsers, SurviveAnyMutationOfTheirInput) {
  Tree tree;
  tree.nodes.resize(2);
  tree.nodes[0].name = "a";
  tree.nodes[0].content = {ChunkId{crypto::digest_of({})}};
  tree.nodes[1].name = "b";
  tree.nodes[1].type = NodeType::kDir;
  Snapshot snapshot;
  snapshot.summary.emplace();
  const std::vector<IndexedPack> packs{{PackId{}, three_entries()}};
  const Buffer header = encode_pack_header(three_entries());
  const std::vector<std::string> seeds{encode_tree(tree), to_json(snapshot), to_json(packs),
                                       std::string(as_text(header))};
  env::SeededRandom random(test_seed());
  for (int i = 0; i < 4000; ++i) {
    std::string text = seeds[random.below(seeds.size())];
    for (std::uint64_t n = random.below(4); n > 0; --n) {
      text[random.below(text.size())] = static_cast<char>(random.below(256));
    }
    text.resize(text.size() - random.below(3));
    if (const auto read = decode_tree(text)) {
      EXPECT_TRUE(decode_tree(encode_tree(*read))) << "seed " << test_seed();
    }
    if (const auto read = index_from_json(text)) {
      EXPECT_TRUE(index_from_json(to_json(read->packs)));
    }
    if (const auto read = snapshot_from_json(text)) {
      EXPECT_TRUE(snapshot_from_json(to_json(*read)));
    }
    if (const auto read = decode_pack_header(as_bytes(text))) {
      EXPECT_EQ(as_text(encode_pack_header(*read)), text);
    }
  }
}

}  // namespace
}  // namespace holdfast::repo

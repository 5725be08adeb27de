#include "tokenizer/charsmap.h"

#include <gtest/gtest.h>

#include <vector>

#include "tokenizer/model_file.h"
#include "tokenizer/models.h"
#include "tokenizer/proto_writer.h"

namespace tramontane {
namespace {

constexpr std::uint32_t kValue = 1U << 31;      // the unit is a value
constexpr std::uint32_t kValueBelow = 1U << 8;  // the node has one

/// A node's unit. `offset` leads from the node's place to its block of children; short offsets have 21 bits.
std::uint32_t node(char label, std::uint32_t offset, std::uint32_t flags = 0) {
  return static_cast<unsigned char>(label) | offset << 10 | flags;
}

/// A map by hand: the rule "a" -> "bc". Root at 0, its children in the block at 256, those of "a" in the
/// block at 512.
struct MapWriter {
  std::vector<std::uint32_t> units = std::vector<std::uint32_t>(1024);
  std::string replacements = std::string("bc\0", 3);

  MapWriter() {
    // Unused units must match no label: theirs differs from their place in the block.
    for (std::uint32_t i = 0; i < units.size(); i++) units[i] = (i & 0xff) ^ 1;
    units[0] = node('\0', 256);
    units[256 ^ 'a'] = node('a', (256 ^ 'a') ^ 512, kValueBelow);
    units[512] = kValue | 0;
  }

  std::string bytes() const {
    std::string out = little_endian_32(static_cast<std::uint32_t>(units.size() * 4));
    for (const std::uint32_t unit : units) out += little_endian_32(unit);
    return out + replacements;
  }
  std::string fault() const { return find_charsmap_fault(bytes()).value_or(""); }
};

TEST(Charsmap, AcceptsAMapByHandThatTheLibraryFollows) {
  const MapWriter map;
  EXPECT_EQ(map.fault(), "");
  ModelWriter model;
  model.normalizer_spec = field_bytes(2, map.bytes()) + field_varint(3, 0);
  model.pieces += piece_field("c");
  const Tokenizer tokenizer = Tokenizer::from_bytes(model.bytes(), "model");
  EXPECT_EQ(tokenizer.encode("a"), (std::vector<TokenId>{1, 3, 5}));  // <s> b c
}

TEST(Charsmap, RefusesSizesThatDoNotFit) {
  const std::string map = MapWriter().bytes();
  const auto with_size = [&](std::uint32_t size) { return little_endian_32(size) + map.substr(4); };
  EXPECT_EQ(find_charsmap_fault("1234567"), "less than a trie");
  EXPECT_EQ(find_charsmap_fault(with_size(0)), "a trie of 0 bytes in 4103");
  EXPECT_EQ(find_charsmap_fault(with_size(4098)), "a trie of 4098 bytes in 4103");
  EXPECT_EQ(find_charsmap_fault(with_size(4100)), "a trie of 4100 bytes in 4103");
  EXPECT_EQ(find_charsmap_fault(with_size(0xfffffffc)), "a trie of 4294967292 bytes in 4103");
  EXPECT_EQ(find_charsmap_fault(std::string(5 << 20, 'a')), "5242880 bytes");
}

TEST(Charsmap, RefusesTransitionsThatLeaveTheTrie) {
  MapWriter map;
  map.units[0] = node('\0', 1024);
  EXPECT_EQ(map.fault(), "a transition that leaves the trie");
  map.units[0] = node('\0', (1U << 21) - 1) | 1U << 9;  // the largest offset, times 256
  EXPECT_EQ(map.fault(), "a transition that leaves the trie");
  map = MapWriter();
  map.units[256 ^ 'a'] = node('a', 4096);
  EXPECT_EQ(map.fault(), "a transition that leaves the trie");
  map = MapWriter();
  map.units.resize(513);  // the block of children of "a" is cut
  EXPECT_EQ(map.fault(), "a transition that leaves the trie");
}

TEST(Charsmap, RefusesReplacementsOutsideTheirText) {
  MapWriter map;
  map.units[512] = kValue | 2;
  EXPECT_EQ(map.fault(), "") << "an empty replacement";
  map.units[512] = kValue | 3;
  EXPECT_EQ(map.fault(), "a rule without a replacement");
  map.units[512] = kValue | 0x7fffffff;
  EXPECT_EQ(map.fault(), "a rule without a replacement");
  map.units[512] = 0;
  EXPECT_EQ(map.fault(), "a rule without a replacement") << "a node where the value should be";
  map = MapWriter();
  map.replacements = "bc";
  EXPECT_EQ(map.fault(), "replacements without an end");
  map.replacements = "";
  EXPECT_EQ(map.fault(), "replacements without an end");
}

TEST(Charsmap, RefusesReplacementsTooLong) {
  MapWriter map;
  map.replacements = std::string(127, 'b') + '\0';
  EXPECT_EQ(map.fault(), "");
  map.replacements = std::string(128, 'b') + '\0';
  EXPECT_EQ(map.fault(), "a replacement too long");
  map.replacements = std::string(43, ' ') + '\0';  // each becomes three bytes
  EXPECT_EQ(map.fault(), "a replacement too long");
}

TEST(Charsmap, RefusesCycles) {
  MapWriter map;
  map.units[256 ^ 'a'] = node('a', (256 ^ 'a') ^ 256);  // "a" is a child of itself
  EXPECT_EQ(map.fault(), "a rule of more than 256 bytes");
}

/// The rules "a", "aa", ..., `count` of them.
MapWriter nested_rules(std::uint32_t count) {
  MapWriter map;
  map.units.assign((count + 2) * 256, 0);
  for (std::uint32_t i = 0; i < map.units.size(); i++) map.units[i] = (i & 0xff) ^ 1;
  map.units[0] = node('\0', 256);
  for (std::uint32_t depth = 1; depth <= count; depth++) {
    const std::uint32_t place = depth * 256 ^ 'a';
    map.units[place] = node('a', place ^ (depth + 1) * 256, kValueBelow);
    map.units[(depth + 1) * 256] = kValue | 0;
  }
  return map;
}

TEST(Charsmap, RefusesMoreNestedRulesThanTheLibraryHasRoomFor) {
  EXPECT_EQ(nested_rules(32).fault(), "");
  EXPECT_EQ(nested_rules(33).fault(), "more than 32 nested rules");
}

TEST(Charsmap, AcceptsTheMapsOfTrainedModels) {
  // bpe_trim and unigram_trim were trained with rules (rules.tsv); their maps are the library's own.
  const Tokenizer tokenizer = load_model_file(test_data() / "tokenizers/unigram_trim.model");
  EXPECT_EQ(tokenizer.encode("１"), tokenizer.encode("1"));
  EXPECT_EQ(tokenizer.encode("wait…"), tokenizer.encode("wait..."));
  EXPECT_NE(tokenizer.encode("wait…"), tokenizer.encode("wait"));
}

}  // namespace
}  // namespace tramontane

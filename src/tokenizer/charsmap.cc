#include "tokenizer/charsmap.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <vector>

namespace tramontane {
namespace {

// The library keeps the rules that match at one place in an array of 32.
constexpr int kMostRulesOnAPath = 32;
// Generous towards real maps, whose longest rule has 18 characters and whose longest replacement has 33 bytes
// (NFKC of U+FDFA). Together with the limit on texts the second keeps the library's int offsets from
// overflowing.
constexpr int kLongestRule = 256;
constexpr std::size_t kLongestReplacement = 127;
constexpr std::size_t kLargestMap = 4 << 20;

struct Fault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// A unit of a double array as Darts-clone packs it: a node's label (8 bits), whether a value hangs below it,
/// and the offset (exclusive or) from its place to the block that holds its children; or, with the top bit
/// set, a value.
struct Unit {
  std::uint32_t bits;
  bool is_value() const { return bits >> 31 != 0; }
  std::uint32_t value() const { return bits & 0x7fffffff; }
  std::uint32_t label() const { return bits & 0x800000ff; }
  bool has_value_below() const { return (bits >> 8 & 1) != 0; }
  std::uint32_t offset() const { return bits >> 10 << (bits >> 6 & 8); }
};

std::uint32_t uint32_at(std::string_view bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; i++)
    value |= std::uint32_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
  return value;
}

class CharsmapCheck {
 public:
  explicit CharsmapCheck(std::string_view map) {
    if (map.size() > kLargestMap) throw Fault(fmt::format("{} bytes", map.size()));
    if (map.size() < 8) throw Fault("less than a trie");
    const std::size_t trie_size = uint32_at(map, 0);
    if (trie_size < 4 || trie_size % 4 != 0 || trie_size > map.size() - 4) {
      throw Fault(fmt::format("a trie of {} bytes in {}", trie_size, map.size()));
    }
    for (std::size_t at = 0; at < trie_size; at += 4) units_.push_back({uint32_at(map, 4 + at)});
    replacements_ = map.substr(4 + trie_size);
    if (!replacements_.ends_with('\0')) throw Fault("replacements without an end");
    rules_below_.assign(units_.size(), kNotSeen);
  }

  void run() { rules_below(children_of(0), 1); }

 private:
  static constexpr std::int16_t kNotSeen = -1;

  /// The block of children of the node at `place`: the child with label c is at (block ^ c).
  std::uint32_t children_of(std::uint32_t place) const {
    const std::uint32_t block = place ^ units_[place].offset();
    if ((block | 0xff) >= units_.size()) throw Fault("a transition that leaves the trie");
    return block;
  }

  /// The most rules that end on one path below a block, which is `depth` characters from the root. A cycle
  /// runs into the limit on depth.
  int rules_below(std::uint32_t block, int depth) {
    if (rules_below_[block] != kNotSeen) return rules_below_[block];
    if (depth > kLongestRule) throw Fault(fmt::format("a rule of more than {} bytes", kLongestRule));
    int most = 0;
    for (std::uint32_t label = 0; label < 256; label++) {
      const Unit node = units_[block ^ label];
      if (node.label() != label) continue;
      const std::uint32_t children = children_of(block ^ label);
      if (node.has_value_below()) check_replacement(units_[children]);
      most = std::max(most, rules_below(children, depth + 1) + (node.has_value_below() ? 1 : 0));
    }
    if (most > kMostRulesOnAPath) throw Fault(fmt::format("more than {} nested rules", kMostRulesOnAPath));
    rules_below_[block] = static_cast<std::int16_t>(most);
    return most;
  }

  void check_replacement(Unit unit) const {
    const std::size_t at = unit.value();
    if (!unit.is_value() || at >= replacements_.size()) throw Fault("a rule without a replacement");
    std::size_t size = 0;
    for (std::size_t i = at; replacements_[i] != '\0'; i++) {
      size += replacements_[i] == ' ' ? 3 : 1;  // a space becomes U+2581
      if (size > kLongestReplacement) throw Fault("a replacement too long");
    }
  }

  std::vector<Unit> units_;
  std::string_view replacements_;
  std::vector<std::int16_t> rules_below_;  // for each block; kNotSeen
};

}  // namespace

std::optional<std::string> find_charsmap_fault(std::string_view map) {
  try {
    CharsmapCheck(map).run();
    return std::nullopt;
  } catch (const Fault& fault) {
    return fault.what();
  }
}

}  // namespace tramontane

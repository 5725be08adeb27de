#pragma once
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <sstream>
#include <string>
#include <string_view>

#include "support/error_of.h"
#include "support/temp_folder.h"
#include "synthetic/checkpoint_writer.h"
#include "synthetic/zip_writer.h"

namespace tramontane::testing {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

inline ::testing::AssertionResult contains(const std::string& text, const std::string& part) {
  if (text.find(part) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << "'" << text << "' lacks '" << part << "'";
}

/// A small grouped-query model whose matrices every group size of 32 divides.
inline ModelArgs small_args() {
  ModelArgs args;
  args.dim = 64;
  args.n_layers = 2;
  args.head_dim = 16;
  args.hidden_dim = 96;
  args.n_heads = 4;
  args.n_kv_heads = 2;
  args.vocab_size = 11;
  args.norm_eps = 1e-5F;
  return args;
}

/// Its checkpoint in 4 bits, groups of 32.
inline synthetic::SyntheticOptions small_options() {
  synthetic::SyntheticOptions options;
  options.args = small_args();
  options.quant = QuantSpec{4, 32};
  return options;
}

/// The smallest model there is to quantise: for tests that try every byte of its files.
inline ModelArgs smallest_args() {
  ModelArgs args = small_args();
  args.dim = 32;
  args.n_layers = 1;
  args.head_dim = 32;
  args.hidden_dim = 32;
  args.n_heads = 1;
  args.n_kv_heads = 1;
  args.vocab_size = 2;
  return args;
}

/// `text` with `value`, little-endian in `width` bytes, put at `at`.
inline std::string with_integer(std::string text, std::size_t at, std::uint64_t value, int width) {
  for (int i = 0; i < width; i++)
    text.at(at + static_cast<std::size_t>(i)) = static_cast<char>(value >> (8 * i) & 0xff);
  return text;
}

/// Zip archive of (name, data) pairs.
inline std::string make_zip(const std::vector<std::pair<std::string, std::string>>& members,
                            synthetic::ZipOptions options = {}) {
  std::ostringstream out;
  synthetic::ZipWriter zip(out, options);
  for (const auto& [name, data] : members) {
    zip.begin_member(name, data.size());
    zip.write(as_bytes(data));
    zip.end_member();
  }
  zip.finish();
  return out.str();
}

}  // namespace tramontane::testing

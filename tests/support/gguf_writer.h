#pragma once
#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

// Writes GGUF files by hand, right ones and wrong ones.
namespace tramontane::testing {

/// The lowest `width` bytes of `value`, little-endian.
inline std::string little_endian(std::uint64_t value, int width) {
  std::string out;
  for (int i = 0; i < width; i++) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

inline std::string gguf_string(std::string_view text) {
  return little_endian(text.size(), 8) + std::string(text);
}

struct GgufWriter {
  struct Tensor {
    std::string name;
    std::vector<std::uint64_t> sizes;  // innermost first
    std::uint32_t type = 0;
    std::uint64_t offset = 0;
  };
  std::uint32_t version = 3;
  std::uint64_t alignment = 32;  // of the data; written only where a test adds the key
  std::uint64_t key_count = 0;
  std::string keys;
  std::vector<Tensor> tensors;
  std::string data;

  /// `type`: the number of a type in the format; `value`: as it stands in the file.
  GgufWriter& raw(std::string_view key, std::uint32_t type, const std::string& value) {
    keys += gguf_string(key) + little_endian(type, 4) + value;
    key_count++;
    return *this;
  }
  GgufWriter& u32(std::string_view key, std::uint32_t value) { return raw(key, 4, little_endian(value, 4)); }
  GgufWriter& f32(std::string_view key, float value) {
    return raw(key, 6, little_endian(std::bit_cast<std::uint32_t>(value), 4));
  }
  GgufWriter& boolean(std::string_view key, bool value) {
    return raw(key, 7, little_endian(value ? 1 : 0, 1));
  }
  GgufWriter& string(std::string_view key, std::string_view value) { return raw(key, 8, gguf_string(value)); }
  GgufWriter& array(std::string_view key, std::uint32_t type, std::uint64_t count,
                    const std::string& elements) {
    return raw(key, 9, little_endian(type, 4) + little_endian(count, 8) + elements);
  }

  /// Puts the tensor's bytes at the next aligned place.
  GgufWriter& tensor(const std::string& name, std::vector<std::uint64_t> sizes, std::uint32_t type,
                     const std::string& bytes) {
    tensors.push_back({name, std::move(sizes), type, data.size()});
    data += bytes;
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    return *this;
  }
  /// A float32 tensor whose elements are all `value`.
  GgufWriter& filled(const std::string& name, std::vector<std::uint64_t> sizes, float value) {
    std::uint64_t count = 1;
    for (const std::uint64_t size : sizes) count *= size;
    std::string bytes;
    for (std::uint64_t n = 0; n < count; n++) bytes += little_endian(std::bit_cast<std::uint32_t>(value), 4);
    return tensor(name, std::move(sizes), 0, bytes);
  }

  std::string bytes() const {
    std::string out = "GGUF" + little_endian(version, 4) + little_endian(tensors.size(), 8) +
                      little_endian(key_count, 8) + keys;
    for (const Tensor& t : tensors) {
      out += gguf_string(t.name) + little_endian(t.sizes.size(), 4);
      for (const std::uint64_t size : t.sizes) out += little_endian(size, 8);
      out += little_endian(t.type, 4) + little_endian(t.offset, 8);
    }
    out.resize((out.size() + alignment - 1) / alignment * alignment);
    return out + data;
  }
};

/// The metadata that a model must have: dim 32, 4 heads, 2 for keys and values, 64 hidden, `n_layers` layers.
inline GgufWriter gguf_metadata(const std::string& architecture = "llama", std::uint32_t n_layers = 1) {
  GgufWriter writer;
  const std::string a = architecture + ".";
  writer.string("general.architecture", architecture);
  writer.u32(a + "embedding_length", 32).u32(a + "block_count", n_layers).u32(a + "feed_forward_length", 64);
  writer.u32(a + "attention.head_count", 4).u32(a + "attention.head_count_kv", 2);
  writer.f32(a + "attention.layer_norm_rms_epsilon", 1e-5F);
  return writer;
}

/// Its tensors, float32, with a vocabulary of 11 and a tied head.
inline void add_gguf_tensors(GgufWriter& writer, std::uint32_t n_layers = 1) {
  writer.filled("token_embd.weight", {32, 11}, 1).filled("output_norm.weight", {32}, 1);
  for (std::uint32_t n = 0; n < n_layers; n++) {
    const std::string block = "blk." + std::to_string(n) + ".";
    writer.filled(block + "attn_norm.weight", {32}, 1).filled(block + "ffn_norm.weight", {32}, 1);
    writer.filled(block + "attn_q.weight", {32, 32}, 1).filled(block + "attn_k.weight", {32, 16}, 2);
    writer.filled(block + "attn_v.weight", {32, 16}, 3).filled(block + "attn_output.weight", {32, 32}, 4);
    writer.filled(block + "ffn_gate.weight", {32, 64}, 5).filled(block + "ffn_up.weight", {32, 64}, 6);
    writer.filled(block + "ffn_down.weight", {64, 32}, 7);
  }
}

}  // namespace tramontane::testing

#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/gguf.h"

namespace tramontane {

/// Access to metadata that checks. Errors name the file and the key: "FILE: key 'llama.block_count': expected
/// an integer in 1..10000, found 'x'". Views the metadata, the file's name and the file's bytes, which must
/// outlive it.
class GgufFields {
 public:
  GgufFields(const Gguf& gguf, const std::string& file) : gguf_(gguf), file_(file) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  const GgufValue* find(std::string_view key) const;  // null: absent
  const std::string& file() const { return file_; }

  // Throw Error when the key is there with another type or outside the range.
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  /// The decimal number that a float32 stands for: 1e-05, not 9.999999747378752e-06.
  std::optional<double> number(std::string_view key) const;
  std::optional<bool> boolean(std::string_view key) const;
  std::optional<std::string_view> string(std::string_view key) const;
  std::optional<std::vector<std::string_view>> strings(std::string_view key) const;
  std::optional<std::vector<float>> floats(std::string_view key) const;           // an array of float32
  std::optional<std::vector<std::int32_t>> integers(std::string_view key) const;  // an array of (u)int32

  // And also when the key is absent.
  std::int64_t need_integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  double need_number(std::string_view key) const;
  std::string_view need_string(std::string_view key) const;

  /// Throws: `expected` was expected of `key`, the value or nothing was found.
  [[noreturn]] void wrong(std::string_view key, std::string_view expected) const;

 private:
  const GgufArray* array(std::string_view key, std::initializer_list<GgufType> types,
                         std::string_view expected) const;

  const Gguf& gguf_;
  const std::string& file_;
};

}  // namespace tramontane

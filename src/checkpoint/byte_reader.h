#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/fail.h"

namespace tramontane {

/// Reads little-endian integers and text from untrusted bytes, front to back. Every read is checked against
/// the end; one that would pass it throws Error naming the file and what was being read.
class ByteReader {
 public:
  /// All three must outlive the reader.
  ByteReader(std::span<const std::byte> bytes, std::string_view file, std::string_view what)
      : bytes_(bytes), file_(file), what_(what) {}

  std::size_t remaining() const { return bytes_.size() - position_; }
  std::size_t position() const { return position_; }

  std::span<const std::byte> take(std::uint64_t size) {
    if (size > remaining()) {
      fail("{}: {}: expected {} more bytes, found {}", file_, what_, size, remaining());
    }
    const auto taken = bytes_.subspan(position_, static_cast<std::size_t>(size));
    position_ += taken.size();
    return taken;
  }

  std::string_view text(std::uint64_t size) {
    const auto bytes = take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  std::uint16_t u16() { return static_cast<std::uint16_t>(integer(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(integer(4)); }
  std::uint64_t u64() { return integer(8); }

 private:
  std::uint64_t integer(std::size_t width) {
    std::uint64_t value = 0;
    int shift = 0;
    for (const std::byte byte : take(width)) {
      value |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return value;
  }

  std::span<const std::byte> bytes_;
  std::string_view file_;
  std::string_view what_;
  std::size_t position_ = 0;
};

}  // namespace tramontane

#pragma once
#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/zip_records.h"

namespace tramontane::synthetic {

struct ZipOptions {
  bool deflate = false;  // members compressed, else stored
  bool zip64 = false;    // 64-bit records even where 32 bits would do
};

/// Streams a zip archive to a seekable stream that is at position 0. Members land wherever the one before
/// ended, so at odd addresses. Throws Error when the stream fails. Not thread-safe.
class ZipWriter {
 public:
  ZipWriter(std::ostream& out, ZipOptions options);

  /// One member: begin, any number of writes that add up to `size` bytes, end.
  void begin_member(std::string_view name, std::uint64_t size);
  void write(std::span<const std::byte> data);
  void end_member();

  /// The central directory. Call once, last.
  void finish();

 private:
  struct EndStream {
    void operator()(z_stream* stream) const;
  };

  void emit(std::string_view bytes);
  void compress(std::span<const std::byte> data, int flush);

  std::ostream& out_;
  ZipOptions options_;
  std::uint64_t position_ = 0;
  std::vector<ZipRecord> members_;
  std::unique_ptr<z_stream, EndStream> stream_;
};

}  // namespace tramontane::synthetic

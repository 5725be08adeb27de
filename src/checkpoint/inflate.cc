#include <zlib.h>

#include <algorithm>
#include <limits>

#include "checkpoint/zip.h"
#include "core/fail.h"

namespace tramontane {
namespace {

/// Owner of zlib's state for one raw deflate stream.
class Inflater {
 public:
  Inflater() : ready_(inflateInit2(&stream_, -MAX_WBITS) == Z_OK) {}
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() {
    if (ready_) inflateEnd(&stream_);
  }

  /// Whether `in` is one whole stream that makes exactly out.size() bytes. `out` is not null, even when
  /// empty.
  bool run(std::span<const std::byte> in, std::span<std::byte> out) {
    // zlib counts in 32 bits, and leaves its input alone.
    constexpr std::size_t kMost = std::numeric_limits<uInt>::max();
    std::size_t in_left = in.size();
    std::size_t out_left = out.size();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    int status = ready_ ? Z_OK : Z_MEM_ERROR;
    while (status == Z_OK) {
      const auto in_piece = static_cast<uInt>(std::min(in_left, kMost));
      const auto out_piece = static_cast<uInt>(std::min(out_left, kMost));
      stream_.avail_in = in_piece;
      stream_.avail_out = out_piece;
      status = ::inflate(&stream_, Z_NO_FLUSH);  // Z_BUF_ERROR once neither side moves
      in_left -= in_piece - stream_.avail_in;
      out_left -= out_piece - stream_.avail_out;
    }
    return status == Z_STREAM_END && in_left == 0 && out_left == 0;
  }

 private:
  z_stream stream_{};
  bool ready_;
};

}  // namespace

std::span<const std::byte> InflatedMembers::inflate(const ZipMember& member, const std::string& file) {
  // A deflate stream makes at most 1032 bytes out of one, so a larger claim is a lie, and is not worth the
  // memory.
  constexpr std::uint64_t kMostPerByte = 1032;
  if (member.size / kMostPerByte > member.stored.size()) {
    fail("{}: zip member {}: {} compressed bytes cannot make {}", file, printable(member.name),
         member.stored.size(), member.size);
  }
  if (member.size > left_) {
    fail("{}: zip member {}: expected at most {} more bytes in compressed members, found {}", file,
         printable(member.name), left_, member.size);
  }
  left_ -= member.size;
  buffers_.push_back(allocate_host(std::max<std::size_t>(1, static_cast<std::size_t>(member.size))));
  const std::span<std::byte> out(buffers_.back().get(), static_cast<std::size_t>(member.size));
  if (!Inflater().run(member.stored, out)) {
    fail("{}: zip member {}: expected a deflate stream of {} bytes, found damaged data", file,
         printable(member.name), member.size);
  }
  const auto crc =
      static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(out.data()), out.size()));
  if (crc != member.crc) {
    fail("{}: zip member {}: expected checksum {:08x}, found {:08x}", file, printable(member.name),
         member.crc, crc);
  }
  return out;
}

}  // namespace tramontane

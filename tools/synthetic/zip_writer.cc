#include "synthetic/zip_writer.h"

#include <array>

#include "core/fail.h"

namespace tramontane::synthetic {

void ZipWriter::EndStream::operator()(z_stream* stream) const {
  deflateEnd(stream);
  delete stream;
}

ZipWriter::ZipWriter(std::ostream& out, ZipOptions options) : out_(out), options_(options) {}

void ZipWriter::emit(std::string_view bytes) {
  out_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out_) fail("cannot write the zip archive");
}

void ZipWriter::begin_member(std::string_view name, std::uint64_t size) {
  members_.push_back({.name = std::string(name),
                      .offset = position_,
                      .size = size,
                      .crc = static_cast<std::uint32_t>(crc32(0, nullptr, 0)),
                      .deflated = options_.deflate,
                      .zip64 = options_.zip64});
  const std::string header = local_header(members_.back());
  emit(header);
  position_ += header.size();
  if (options_.deflate) {
    stream_.reset(new z_stream{});
    if (deflateInit2(stream_.get(), Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
      fail("{}: cannot start to compress", name);
    }
  }
}

void ZipWriter::compress(std::span<const std::byte> data, int flush) {
  std::array<char, 1 << 16> buffer;
  // zlib takes a pointer to non-const bytes, which it does not change.
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(data.data()));
  stream_->avail_in = static_cast<uInt>(data.size());
  do {
    stream_->next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_->avail_out = static_cast<uInt>(buffer.size());
    deflate(stream_.get(), flush);
    const std::size_t made = buffer.size() - stream_->avail_out;
    emit({buffer.data(), made});
    members_.back().stored_size += made;
  } while (stream_->avail_out == 0);
}

void ZipWriter::write(std::span<const std::byte> data) {
  ZipRecord& member = members_.back();
  member.crc = static_cast<std::uint32_t>(
      crc32_z(member.crc, reinterpret_cast<const Bytef*>(data.data()), data.size()));
  if (options_.deflate) {
    compress(data, Z_NO_FLUSH);
  } else {
    emit({reinterpret_cast<const char*>(data.data()), data.size()});
    member.stored_size += data.size();
  }
}

void ZipWriter::end_member() {
  if (options_.deflate) compress({}, Z_FINISH);
  // The sizes and the checksum are known only now: write the header again.
  const ZipRecord& member = members_.back();
  out_.seekp(static_cast<std::streamoff>(member.offset));
  emit(local_header(member));
  position_ += member.stored_size;
  out_.seekp(static_cast<std::streamoff>(position_));
}

void ZipWriter::finish() { emit(central_directory(members_, position_, options_.zip64)); }

}  // namespace tramontane::synthetic

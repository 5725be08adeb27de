#include <zlib.h>

#include <map>
#include <mutex>
#include <string>

#include "checkpoint/zip_records.h"
#include "convert/array_writer.h"
#include "convert/target_file.h"
#include "core/fail.h"

namespace tramontane {
namespace {

std::uint32_t crc_of(std::span<const std::byte> bytes) {
  return static_cast<std::uint32_t>(crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

/// A member of the archive. The checksums of its pieces are put together when all are there.
struct Member {
  ZipRecord record;
  std::string npy;               // what stands before the data
  std::uint64_t data_begin = 0;  // in the file
  struct Piece {
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
  };
  std::map<std::uint64_t, Piece> pieces;  // by offset

  std::uint32_t crc() const {
    std::uint32_t crc = crc_of(std::as_bytes(std::span(npy)));
    for (const auto& [offset, piece] : pieces) {
      crc = static_cast<std::uint32_t>(crc32_combine(crc, piece.crc, static_cast<z_off_t>(piece.size)));
    }
    return crc;
  }
};

class NpzWriter final : public ArrayWriter {
 public:
  NpzWriter(const std::filesystem::path& path, const std::vector<TensorHeader>& arrays)
      : members_(lay_out(arrays)), directory_begin_(end_of(members_)), file_(path, directory_begin_) {}

  void write(std::size_t array, std::uint64_t offset, std::span<const std::byte> bytes) override {
    Member& member = members_[array];
    file_.write(member.data_begin + offset, bytes);
    const Member::Piece piece{bytes.size(), crc_of(bytes)};
    const std::lock_guard lock(mutex_);
    member.pieces[offset] = piece;
  }

  void finish() override {
    std::vector<ZipRecord> records;
    for (Member& member : members_) {
      member.record.crc = member.crc();
      file_.write(member.record.offset, local_header(member.record) + member.npy);
      records.push_back(member.record);
    }
    file_.write(directory_begin_, central_directory(records, directory_begin_));
    file_.sync();
  }

 private:
  static std::vector<Member> lay_out(const std::vector<TensorHeader>& arrays) {
    std::vector<Member> members;
    std::uint64_t at = 0;
    for (const TensorHeader& array : arrays) {
      Member member;
      member.npy = npy_header(array);
      member.record.name = array.name + ".npy";
      member.record.offset = at;
      member.record.size = member.record.stored_size = member.npy.size() + array.bytes();
      member.data_begin = at + local_header(member.record).size() + member.npy.size();
      at = member.data_begin + array.bytes();
      members.push_back(std::move(member));
    }
    return members;
  }

  static std::uint64_t end_of(const std::vector<Member>& members) {
    if (members.empty()) return 0;
    const Member& last = members.back();
    return last.data_begin + last.record.size - last.npy.size();
  }

  std::vector<Member> members_;
  std::uint64_t directory_begin_;
  TargetFile file_;
  std::mutex mutex_;  // of the pieces
};

}  // namespace

std::unique_ptr<ArrayWriter> npz_writer(const std::filesystem::path& folder,
                                        const std::vector<TensorHeader>& arrays) {
  return std::make_unique<NpzWriter>(folder / "weights.npz", arrays);
}

}  // namespace tramontane

#pragma once
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>

#include "hub/partial_file.h"

namespace tramontane::hub {

/// A file that comes in parts at once and is written in order, so that what is on the disk is always its
/// beginning. The first missing part goes straight there; later ones wait in memory.
class Assembly {
 public:
  /// Takes the parts from where `file` ends; `part_size` in bytes.
  Assembly(PartialFile file, std::int64_t size, std::int64_t part_size);

  /// What of a part is still to come: bytes [begin, end) of the file.
  struct Range {
    std::int64_t begin, end;
  };
  Range missing(std::size_t part) const;

  /// Bytes for a part, from where missing() begins and no more than that. Safe to call for several parts at
  /// once. Throws Error when they cannot be written, and from then on: what follows would not be the next
  /// bytes of the file.
  void put(std::size_t part, std::string_view bytes);

  // One caller at a time gives out the parts.
  bool has_unclaimed() const { return claimed_ < parts_.size(); }
  bool next_is_first_missing() const { return claimed_ == written_.load(); }
  std::size_t claimed_ahead() const { return claimed_ - written_.load(); }
  std::size_t claim() { return claimed_++; }

  /// Whether all is on the disk; then no thread is in put() any more.
  bool complete() const;
  /// Begins again with nothing, when complete.
  void restart();
  PartialFile& file() { return file_; }

 private:
  struct Part {
    std::int64_t begin, end;
    std::int64_t received = 0;
    std::string waiting{};
  };
  void cut_into_parts();
  void write_what_can_be();

  PartialFile file_;
  std::int64_t size_, part_size_;
  std::deque<Part> parts_;
  std::size_t claimed_ = 0;
  std::atomic<std::size_t> written_ = 0;  // parts that are on the disk
  bool broken_ = false;                   // a put() threw half-way
  mutable std::mutex mutex_;              // of file_ and the parts' bytes
};

}  // namespace tramontane::hub

#include "hub/assembly.h"

#include <algorithm>
#include <utility>

#include "core/fail.h"

namespace tramontane::hub {

Assembly::Assembly(PartialFile file, std::int64_t size, std::int64_t part_size)
    : file_(std::move(file)), size_(size), part_size_(part_size) {
  cut_into_parts();
}

void Assembly::cut_into_parts() {
  for (std::int64_t begin = file_.size(), end = 0; begin < size_; begin = end) {
    end = begin + std::min(part_size_, size_ - begin);
    parts_.push_back({.begin = begin, .end = end});
  }
}

Assembly::Range Assembly::missing(std::size_t index) const {
  const std::lock_guard lock(mutex_);
  const Part& part = parts_[index];
  return {part.begin + part.received, part.end};
}

bool Assembly::complete() const {
  const std::lock_guard lock(mutex_);
  return written_.load() == parts_.size();
}

void Assembly::put(std::size_t index, std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (broken_) fail("{}: cannot go on: a part of it was not written", file_.path().string());
  broken_ = true;
  Part& part = parts_[index];
  part.received += static_cast<std::int64_t>(bytes.size());
  if (index == written_.load()) {
    file_.append(bytes);
    write_what_can_be();
  } else {
    part.waiting += bytes;
  }
  broken_ = false;
}

void Assembly::write_what_can_be() {
  for (std::size_t index = written_.load(); index < parts_.size(); index++) {
    Part& part = parts_[index];
    file_.append(std::exchange(part.waiting, {}));
    if (part.begin + part.received < part.end) return;
    written_.store(index + 1);
  }
}

void Assembly::restart() {
  file_.restart();
  parts_.clear();
  claimed_ = 0;
  written_.store(0);
  cut_into_parts();
}

}  // namespace tramontane::hub

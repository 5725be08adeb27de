#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <vector>

namespace tramontane::testing {

/// Which end of the accessible memory the bytes touch.
enum class Edge { begin, end };

/// `size` bytes right after or right before a page that cannot be accessed: one byte too far in that
/// direction ends the test. Owner, move-only by being neither copied nor moved.
class GuardedMemory {
 public:
  GuardedMemory(std::size_t size, Edge edge) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t inner = (size + page - 1) / page * page;
    mapped_ = inner + 2 * page;
    void* base = mmap(nullptr, mapped_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) throw std::bad_alloc();
    base_ = static_cast<std::byte*>(base);
    if (inner != 0 && mprotect(base_ + page, inner, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    bytes_ = {base_ + page + (edge == Edge::end ? inner - size : 0), size};
  }
  template <class T>
  GuardedMemory(const std::vector<T>& content, Edge edge) : GuardedMemory(content.size() * sizeof(T), edge) {
    if (!content.empty()) std::memcpy(bytes_.data(), content.data(), content.size() * sizeof(T));
  }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;
  ~GuardedMemory() { munmap(base_, mapped_); }

  std::byte* data() const { return bytes_.data(); }
  float* floats() const { return reinterpret_cast<float*>(bytes_.data()); }

 private:
  std::byte* base_ = nullptr;
  std::size_t mapped_ = 0;
  std::span<std::byte> bytes_;
};

}  // namespace tramontane::testing

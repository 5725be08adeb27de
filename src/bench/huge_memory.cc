#include "bench/huge_memory.h"

#include <new>

#include "core/fail.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace tramontane::bench {
namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Buffer allocate_huge(std::size_t bytes) {
  const std::size_t pages = (bytes + kHugePage - 1) / kHugePage;
  auto* memory =
      static_cast<std::byte*>(::operator new(pages * kHugePage, std::align_val_t{kHugePage}, std::nothrow));
  if (memory == nullptr)
    fail("not enough memory: cannot allocate {}", human_bytes(static_cast<double>(bytes)));
#if defined(__linux__)
  madvise(memory, pages * kHugePage, MADV_HUGEPAGE);  // a wish: without it the pages are small
#endif
  return {memory, BufferDeleter{[](std::byte* p) { ::operator delete(p, std::align_val_t{kHugePage}); }}};
}

}  // namespace tramontane::bench

#pragma once
#include <cstddef>
#include <memory>

namespace tramontane {

/// Owner of raw memory, 64-byte aligned, freed by the backend that allocated it.
struct BufferDeleter {
  void (*free)(std::byte*) = nullptr;
  void operator()(std::byte* memory) const { free(memory); }
};
using Buffer = std::unique_ptr<std::byte[], BufferDeleter>;

/// Host memory, not touched until it is written. Throws Error when there is none.
Buffer allocate_host(std::size_t bytes);

/// How much memory this process could still use without swapping, in bytes: what the system calls available,
/// or what is left of the cgroup's limit, whichever is less. The page cache counts as available. Very large
/// when unknown.
double available_memory();

}  // namespace tramontane

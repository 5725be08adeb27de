#pragma once
#include <cstddef>

#include "core/memory.h"

namespace tramontane::bench {

/// Memory at the start of a huge page, in huge pages where the system gives them, not touched until it is
/// written. Throws Error when there is none.
Buffer allocate_huge(std::size_t bytes);

}  // namespace tramontane::bench

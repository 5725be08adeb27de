#include "core/memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "tramontane/error.h"

namespace tramontane {
namespace {

TEST(Memory, BuffersStartOnACacheLine) {
  for (const std::size_t bytes : {1U, 63U, 4096U, 100000U}) {
    const Buffer buffer = allocate_host(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.get()) % 64, 0U);
    buffer[bytes - 1] = std::byte{1};
  }
}

TEST(Memory, WhatCannotBeHadIsAnError) {
  EXPECT_THROW(allocate_host(std::numeric_limits<std::size_t>::max() / 2), Error);
}

TEST(Memory, SomeIsAvailable) { EXPECT_GT(available_memory(), 1e6); }

}  // namespace
}  // namespace tramontane

#pragma once
#include <cstdint>

// Numbers that the vectors need to decode small floats (core/small_float.h).
namespace tramontane {
namespace {

// An e4m3 moved up by 7 bits is a float16 of 1/256 its value, once the second sign bit that comes of widening
// the byte as a signed one is gone. Only the last of them is not a number.
constexpr short kSignAndNumber = static_cast<short>(0xbfff);
constexpr short kLastNumber = 0x7f << 7;
constexpr short kNanHalf = 0x7e00;

// An e8m0 moved up by 23 bits is a float32, but for 0, which stands for 2^-127.
constexpr int kLeastPower = 1 << 22;

/// By code; the first 8 are the magnitudes.
alignas(64) constexpr float kE2m1Values[16] = {0,     0.5F,  1,  1.5F,  2,  3,  4,  6,
                                               -0.0F, -0.5F, -1, -1.5F, -2, -3, -4, -6};

/// Of the same as float32: the 16 top bytes, then the 16 bytes below; those below them are zero.
constexpr std::uint8_t kE2m1Bytes[32] = {0x00, 0x3f, 0x3f, 0x3f, 0x40, 0x40, 0x40, 0x40,  //
                                         0x80, 0xbf, 0xbf, 0xbf, 0xc0, 0xc0, 0xc0, 0xc0,  //
                                         0x00, 0x00, 0x80, 0xc0, 0x00, 0x40, 0x80, 0xc0,  //
                                         0x00, 0x00, 0x80, 0xc0, 0x00, 0x40, 0x80, 0xc0};

}  // namespace
}  // namespace tramontane

#pragma once
#include "kernels/avx2/integer/dots.h"
#include "kernels/avx2/integer/panels.h"
#include "kernels/avx2/integer/quantize_rows.h"

// The integer products of 256-bit registers, over how they multiply (dots.h).
namespace tramontane {
namespace {

// Up to here reading the weights once per two rows of x costs less than unpacking them for all: into words,
// or into bytes, of which products are faster.
constexpr std::int64_t kMostDirectRows = 7;
constexpr std::int64_t kMostDirectRowsBesideBytes = 4;

template <class Dots, int bits>
bool may_be_bytes(const IntegerRows& x) {
  return x.spec.limbs == 1 && Dots::byte_steps(bits) != 0;
}

template <class Dots, int bits>
bool is_direct(const IntegerRows& x) {
  return x.rows <= (may_be_bytes<Dots, bits>(x) ? kMostDirectRowsBesideBytes : kMostDirectRows);
}

/// Whether x is kept in words: always where products along the row will read it.
template <class Dots, int bits>
bool in_words(const IntegerRows& x) {
  return is_direct<Dots, bits>(x) || !may_be_bytes<Dots, bits>(x);
}

template <class Dots, int bits>
void quantize_rows_for(const float* x, std::int64_t begin, std::int64_t end, const IntegerRows& out) {
  using Format = Packed<bits>;
  for (std::int64_t row = begin; row < end; ++row) {
    const float* from = x + row * out.cols;
    if (in_words<Dots, bits>(out)) {
      quantize_row<std::int16_t, Format::word_planes>(from, row, out);
    } else {
      quantize_row<std::int8_t, Format::byte_planes>(from, row, out);
    }
  }
}

template <class Dots>
void quantize_rows(const float* x, std::int64_t begin, std::int64_t end, const IntegerRows& out) {
  with_bits(out.spec.quant,
            [&]<int bits>(Index<bits>) { quantize_rows_for<Dots, bits>(x, begin, end, out); });
}

template <class Dots, int bits>
void linear_many(const IntegerLinearArgs& args) {
  if constexpr (Dots::byte_steps(bits) != 0) {
    if (!in_words<Dots, bits>(args.x)) return linear_panels<bits, ByteLanes<Dots, bits>>(args);
  }
  linear_panels<bits, WordLanes<Dots, bits>>(args);
}

template <class Dots>
void integer_linear(const IntegerLinearArgs& args) {
  const QuantSpec& quant = args.w.quant;
  with_bits(quant, [&]<int bits>(Index<bits>) {
    if (!is_direct<Dots, bits>(args.x)) return linear_many<Dots, bits>(args);
    with_group_size(quant,
                    [&]<int group_size>(Index<group_size>) { linear_direct<Dots, bits, group_size>(args); });
  });
}

inline std::size_t integer_scratch_floats(const IntegerRows& x) {
  const std::size_t direct = direct_scratch_floats(x);
  return direct > kPanelScratch ? direct : kPanelScratch;
}

template <class Dots>
constexpr IntegerProducts kIntegerProducts = {
    .quantize_rows = quantize_rows<Dots>,
    .scratch_floats = integer_scratch_floats,
    .linear = integer_linear<Dots>,
    .words = true,
};

}  // namespace
}  // namespace tramontane
